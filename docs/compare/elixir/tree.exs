# The tree of otp-kit/examples/supervision_tree.rs.

defmodule Store do
  use GenServer

  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)
  def read(key), do: GenServer.call(__MODULE__, {:read, key})

  @impl true
  def init(_), do: {:ok, nil}

  @impl true
  def handle_call({:read, key}, _from, state), do: {:reply, key * key, state}
end

defmodule Cache do
  use GenServer

  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)
  def get(key), do: GenServer.call(__MODULE__, {:get, key})

  @impl true
  def init(_), do: {:ok, %{}}

  @impl true
  def handle_call({:get, key}, _from, entries) do
    entries = Map.put_new_lazy(entries, key, fn -> Store.read(key) end)
    {:reply, entries[key], entries}
  end
end

defmodule Web do
  use Task, restart: :permanent

  def start_link(_), do: Task.start_link(fn -> Process.sleep(:infinity) end)
end

defmodule Wait do
  def for_another(killed) do
    if Process.whereis(Cache) in [nil, killed], do: for_another(killed)
  end
end

# The processes of the three, in the order of their start.
pids = fn ->
  for {_id, pid, _type, _modules} <- Enum.reverse(Supervisor.which_children(Root)), do: pid
end

{:ok, _} = Supervisor.start_link([Store, Cache, Web], strategy: :rest_for_one, name: Root)
49 = Cache.get(7)

[store, killed, web] = pids.()
Process.exit(killed, :kill)
Wait.for_another(killed)
[^store, _cache, new_web] = pids.()
true = new_web != web
49 = Cache.get(7)

Supervisor.stop(Root)
[nil, nil] = [Process.whereis(Store), Process.whereis(Cache)]
