# The cache of otp-kit/examples/ttl_cache.rs.

defmodule Cache do
  use GenServer

  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)
  def put(key, value, ttl), do: GenServer.cast(__MODULE__, {:put, key, value, ttl})
  def get(key), do: GenServer.call(__MODULE__, {:get, key})

  @impl true
  def init(_) do
    :timer.send_interval(1000, :sweep)
    {:ok, %{}}
  end

  @impl true
  def handle_cast({:put, key, value, ttl}, entries) do
    {:noreply, Map.put(entries, key, {now() + ttl, value})}
  end

  @impl true
  def handle_call({:get, key}, _from, entries) do
    now = now()

    case entries do
      %{^key => {until, value}} when until > now -> {:reply, value, entries}
      _ -> {:reply, nil, entries}
    end
  end

  @impl true
  def handle_info(:sweep, entries) do
    now = now()
    {:noreply, Map.filter(entries, fn {_key, {until, _value}} -> until > now end)}
  end

  defp now, do: System.monotonic_time(:millisecond)
end

defmodule Wait do
  def for_another(killed) do
    if Process.whereis(Cache) in [nil, killed], do: for_another(killed)
  end
end

{:ok, _} = Supervisor.start_link([Cache], strategy: :one_for_one)
Cache.put("color", "blue", 60_000)
Cache.put("mood", "good", 0)
"blue" = Cache.get("color")
nil = Cache.get("mood")

killed = Process.whereis(Cache)
Process.exit(killed, :kill)
Wait.for_another(killed)
nil = Cache.get("color")
