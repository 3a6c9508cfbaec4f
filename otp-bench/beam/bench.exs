# One measurement on the BEAM: elixir --erl "+S 2:2 +P 4000000" bench.exs WORKLOAD N LIMIT_MS
#
# `otp-bench beam WORKLOAD` runs this file. The workloads, the counts and the random numbers are those of src/workloads,
# with GenServer and its defaults: a call has a limit of 5 s and a monitor.

defmodule Counter do
  use GenServer

  def init(count), do: {:ok, count}
  def handle_call(:get, _from, count), do: {:reply, count + 1, count + 1}
  def handle_cast(:increment, count), do: {:noreply, count + 1}
  def handle_cast({:crash, :panic}, _count), do: raise("a crash on purpose")
  def handle_cast({:crash, :error}, count), do: {:stop, :boom, count}
end

defmodule RingNode do
  # A server of `ring` and `big`. Its state: {id, all, left, random, done}.
  use GenServer

  def init(state), do: {:ok, state}

  def handle_cast({:all, all}, {id, _, left, random, done}), do: {:noreply, {id, all, left, random, done}}

  def handle_cast(message, state) do
    case on(message, state) do
      {nil, nil, state} ->
        {:noreply, state}

      {to, answer, state} ->
        GenServer.cast(to, answer)
        {:noreply, state}
    end
  end

  defp on({:token, 0}, state), do: finish(state)

  defp on({:token, left}, {id, all, _, _, _} = state),
    do: {elem(all, rem(id + 1, tuple_size(all))), {:token, left - 1}, state}

  defp on({:ping, from}, {_, all, _, _, _} = state), do: {elem(all, from), :pong, state}
  defp on(_pong_or_start, {_, _, 0, _, _} = state), do: finish(state)

  defp on(_pong_or_start, {id, all, left, random, done}) do
    random = rem(random * 48_271, 2_147_483_647)
    count = tuple_size(all)
    to = rem(id + 1 + rem(random, count - 1), count)
    {elem(all, to), {:ping, id}, {id, all, left - 1, random, done}}
  end

  defp finish({_, _, _, _, done} = state) do
    send(done, :done)
    {nil, nil, state}
  end
end

defmodule Bench do
  # Each answers {operations, nanoseconds, what else was found as {name, number}}.

  def run(workload, n) when workload in ["call", "call5s"] do
    server = start()
    calls(server, div(n, 50))
    before = call(server)
    result = timed(n, fn -> calls(server, n) end)
    true = call(server) == before + n + 1
    result
  end

  def run("cast", n) do
    server = start()
    call(server)
    sum = n + 2

    timed(n, fn ->
      casts(server, n)
      ^sum = GenServer.call(server, :get, :infinity)
    end)
  end

  def run("fanin", n) do
    each = max(div(n, 8), 1)
    server = start()
    result = timed(each * 8, fn -> callers(8, fn _ -> calls(server, each) end) end)
    true = call(server) == each * 8 + 1
    result
  end

  def run("many", n) do
    each = max(div(n, 64), 1)
    servers = List.to_tuple(for _ <- 1..1000, do: start())
    result = timed(each * 64, fn -> callers(64, fn caller -> in_turn(servers, div(caller * 1000, 64), each) end) end)
    true = Enum.sum(for server <- Tuple.to_list(servers), do: call(server) - 1) == each * 64
    result
  end

  def run("spawn", n), do: timed(n, fn -> start_and_stop(n) end)

  def run("spawn_only", n) do
    first = start()
    before = resident()
    {servers, nanoseconds} = measure(fn -> start_all(n, []) end)
    each = div(max(resident() - before, 0), n)
    1 = call(first)
    1 = call(hd(servers))
    {n, nanoseconds, [rss_bytes_per_process: each]}
  end

  def run("restart", n), do: restarts(:panic, n)
  def run("restart_err", n), do: restarts(:error, n)

  def run("ring", n) do
    nodes = nodes(1000, 0)

    timed(n, fn ->
      GenServer.cast(hd(nodes), {:token, n})
      receive do: (:done -> :ok)
    end)
  end

  def run("big", n) do
    each = max(div(n, 120), 1)
    nodes = nodes(120, each)

    timed(each * 120, fn ->
      for node <- nodes, do: GenServer.cast(node, :start)
      for _ <- nodes, do: receive(do: (:done -> :ok))
    end)
  end

  def run("registry", n) do
    {:ok, _} = Registry.start_link(keys: :unique, name: Rooms)
    for key <- 0..99_999, do: {:ok, _} = GenServer.start(Counter, 0, name: {:via, Registry, {Rooms, "room #{key}"}})
    keys = List.to_tuple(for key <- 0..99_999, do: "room #{key}")
    count = :erlang.system_info(:schedulers_online)
    each = max(div(n, count), 1)

    timed(each * count, fn ->
      callers(count, fn caller -> look_up(keys, :rand.seed_s(:exsp, caller), each) end)
    end)
  end

  # Tables of a million rows. What reads and writes side by side has both options that ETS has for it.

  def run("ets_text_" <> reads, n), do: mixed(:set, &text/1, reads, n)
  def run("ets_ordered_" <> reads, n), do: mixed(:ordered_set, &number/1, reads, n)

  def run("ets_counter", n) do
    {table, _} = table(:set, & &1, n)
    :ets.insert(table, {0, 0})
    result = callers_of(n, fn _, _ -> :ets.update_counter(table, 0, 1) end)
    true = :ets.lookup_element(table, 0, 2) == elem(result, 0)
    result
  end

  def run("ets_insert_all", n) do
    {table, keys} = table(:set, & &1, n)
    count = tuple_size(keys)

    callers_of(n, fn random, _ ->
      {rows, random} = Enum.map_reduce(1..10, random, fn _, random -> {{below(random, count), random}, next(random)} end)
      :ets.insert(table, rows)
      random
    end)
  end

  # Of what finds rows in order, next is the fastest that begins at the first of them: guards look at all rows.
  def run("ets_range", n) do
    {table, keys} = table(:ordered_set, & &1, n * 100)
    last = max(tuple_size(keys) - 100, 1)

    callers_of(n, fn random, _ ->
      100 = length(from(table, below(random, last) - 1, 100))
      next(random)
    end)
  end

  def run("ets_" <> reads, n), do: mixed(:set, &number/1, reads, n)

  # The local path of Phoenix.PubSub: a duplicate Registry, and a dispatch that sends to each entry.
  def run("pubsub", n) do
    {:ok, _} = Registry.start_link(keys: :duplicate, name: Bus, partitions: :erlang.system_info(:schedulers_online))
    count = :atomics.new(1, [])
    me = self()

    for number <- 0..9_999 do
      spawn_link(fn ->
        {:ok, _} = Registry.register(Bus, "topic", nil)
        send(me, :subscribed)
        if number == 0, do: Process.sleep(:infinity), else: listen(count, me)
      end)
    end

    for _ <- 0..9_999, do: receive(do: (:subscribed -> :ok))
    publish(1)
    timed(n, fn -> publish(n) end)
  end

  def run(_, _), do: nil

  defp listen(count, publisher) do
    receive do
      :message ->
        if rem(:atomics.add_get(count, 1, 1), 9_999) == 0, do: send(publisher, :all)
        listen(count, publisher)
    end
  end

  defp publish(0), do: :ok

  defp publish(n) do
    Registry.dispatch(Bus, "topic", fn entries -> for {pid, _} <- entries, do: send(pid, :message) end)
    receive do: (:all -> :ok)
    publish(n - 1)
  end

  defp look_up(_, _, 0), do: :ok

  defp look_up(keys, random, n) do
    {at, random} = :rand.uniform_s(100_000, random)
    [_] = Registry.lookup(Rooms, elem(keys, at - 1))
    look_up(keys, random, n - 1)
  end

  defp start do
    {:ok, server} = GenServer.start(Counter, 0)
    server
  end

  # From the message that the counter dies of, to the first answer of the next one.
  defp restarts(crash, n) do
    :logger.set_primary_config(:level, :none)
    counter = %{id: Counter, start: {GenServer, :start_link, [Counter, 0, [name: Counter]]}}
    {:ok, _} = Supervisor.start_link([counter], strategy: :one_for_one, max_restarts: 1_000_000_000, max_seconds: 1)
    1 = answer()
    restart(crash, div(n, 50))
    each = max(div(n, 4), 1)

    [first, _, _, last] =
      quarters = for _ <- 1..4, do: elem(measure(fn -> restart(crash, each) end), 1)

    {each * 4, Enum.sum(quarters), [last_quarter_over_first: Float.round(last / first, 3)]}
  end

  defp restart(_, 0), do: :ok

  defp restart(crash, n) do
    GenServer.cast(Counter, {:crash, crash})
    1 = answer()
    restart(crash, n - 1)
  end

  defp answer do
    call(Counter)
  catch
    :exit, _ ->
      :erlang.yield()
      answer()
  end

  defp call(server), do: GenServer.call(server, :get)

  defp calls(_, 0), do: :ok

  defp calls(server, n) do
    call(server)
    calls(server, n - 1)
  end

  defp casts(_, 0), do: :ok

  defp casts(server, n) do
    GenServer.cast(server, :increment)
    casts(server, n - 1)
  end

  defp in_turn(_, _, 0), do: :ok

  defp in_turn(servers, next, n) do
    call(elem(servers, next))
    in_turn(servers, if(next == 999, do: 0, else: next + 1), n - 1)
  end

  defp start_and_stop(0), do: :ok

  defp start_and_stop(n) do
    GenServer.stop(start())
    start_and_stop(n - 1)
  end

  defp start_all(0, servers), do: servers
  defp start_all(n, servers), do: start_all(n - 1, [start() | servers])

  defp callers(count, body) do
    me = self()

    callers =
      for caller <- 0..(count - 1) do
        spawn_link(fn ->
          body.(caller)
          send(me, {:finished, self()})
        end)
      end

    for caller <- callers, do: receive(do: ({:finished, ^caller} -> :ok))
  end

  defp nodes(count, left) do
    nodes =
      for id <- 0..(count - 1) do
        {:ok, node} = GenServer.start(RingNode, {id, nil, left, id * 7_919 + 1, self()})
        node
      end

    all = List.to_tuple(nodes)
    for node <- nodes, do: GenServer.cast(node, {:all, all})
    nodes
  end

  defp table(type, make, n) do
    keys = List.to_tuple(for number <- 0..(min(n, 1_000_000) - 1), do: make.(number))
    table = :ets.new(:rows, [type, :public, read_concurrency: true, write_concurrency: true])
    for key <- Tuple.to_list(keys), do: :ets.insert(table, {key, key})
    {table, keys}
  end

  # Below 2^59, so that it takes no memory of its own.
  defp number(n), do: rem(n * 2_654_435_761, 1_000_000_007) * 500_000_003
  defp text(n), do: "user #{n |> number() |> rem(10_000_000_000) |> Integer.to_string() |> String.pad_leading(11, "0")}"

  defp mixed(type, make, reads, n) do
    reads = String.to_integer(reads)
    {table, keys} = table(type, make, n)
    count = tuple_size(keys)
    words = :ets.info(table, :memory)

    {done, nanoseconds, _} =
      callers_of(n, fn random, _ ->
        key = elem(keys, below(random, count))
        random = next(random)

        if below(random, 100) < reads do
          [_] = :ets.lookup(table, key)
        else
          :ets.insert(table, {key, make_value(key, random)})
        end

        next(random)
      end)

    {done, nanoseconds, [rss_bytes_per_process: div(words * 8, count)]}
  end

  defp make_value(key, _) when is_binary(key), do: key
  defp make_value(_, random), do: random

  # The keys after this one, with their rows.
  defp from(_, _, 0), do: []

  defp from(table, key, left) do
    next = :ets.next(table, key)
    :ets.lookup(table, next) ++ from(table, next, left - 1)
  end

  # One caller for each scheduler repeats its operation, which is given a random number and gives the next.
  defp callers_of(n, operation) do
    count = :erlang.system_info(:schedulers_online)
    each = max(div(n, count), 1)
    timed(each * count, fn -> callers(count, fn caller -> again(operation, caller * 7_919 + 1, each) end) end)
  end

  defp again(_, _, 0), do: :ok
  defp again(operation, random, n), do: again(operation, operation.(random, n), n - 1)

  # Small numbers alone.
  defp next(random), do: rem(random * 48_271, 2_147_483_647)
  defp below(random, count), do: rem(random, count)

  defp timed(n, body) do
    {_, nanoseconds} = measure(body)
    {n, nanoseconds, []}
  end

  defp measure(body) do
    start = :erlang.monotonic_time(:nanosecond)
    result = body.()
    {result, :erlang.monotonic_time(:nanosecond) - start}
  end

  # Bytes; 0 where there is no /proc.
  defp resident do
    with {:ok, status} <- File.read("/proc/self/status"),
         [_, kibibytes] <- Regex.run(~r/VmRSS:\s+(\d+)/, status) do
      String.to_integer(kibibytes) * 1024
    else
      _ -> 0
    end
  end

  def main([workload, n, limit]) do
    spawn(fn ->
      Process.sleep(String.to_integer(limit))
      IO.puts(:stderr, "error: no result after #{limit} ms")
      System.halt(1)
    end)

    threads = :erlang.system_info(:schedulers_online)
    head = ~s({"peer":"beam","workload":"#{workload}","threads":#{threads})

    # In a process of its own, so that what the script's evaluation left in memory is out of the way.
    case Task.await(Task.async(fn -> run(workload, String.to_integer(n)) end), :infinity) do
      nil ->
        IO.puts(head <> ~s(,"unsupported":"beam/bench.exs does not have it"}))

      {n, nanoseconds, found} ->
        found = for {name, number} <- found, do: ~s(,"#{name}":#{number})
        IO.puts(head <> ~s(,"n":#{n},"ns_per_op":#{Float.round(nanoseconds / n, 2)}#{found}}))
    end

    System.halt(0)
  end
end

Bench.main(System.argv())
