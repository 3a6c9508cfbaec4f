# The counter of otp-kit/examples/counter.rs.

defmodule Counter do
  use GenServer

  def start_link(start), do: GenServer.start_link(__MODULE__, start)
  def get(counter), do: GenServer.call(counter, :get)
  def add(counter, n), do: GenServer.cast(counter, {:add, n})

  @impl true
  def init(start), do: {:ok, start}

  @impl true
  def handle_call(:get, _from, count), do: {:reply, count, count}

  @impl true
  def handle_cast({:add, n}, count), do: {:noreply, count + n}
end

{:ok, counter} = Counter.start_link(0)
Counter.add(counter, 5)
5 = Counter.get(counter)
