# Runs scenarios on the BEAM and prints what happened: `elixir runner.exs FILE [slow]`.
#
# src/scenario.rs describes the form, src/verbs.rs the verbs; the Rust runner prints the same lines. With `slow`, a pause
# follows each step, for a machine so busy that "quiet" was seen too early.

:logger.set_primary_config(:level, :none)
:ets.new(:world, [:named_table, :public, :set, read_concurrency: true, write_concurrency: true])

# A process that meets a module for the first time waits for the code server, and that looks like quiet.
for app <- [:kernel, :stdlib, :elixir] do
  Application.load(app)
  :ok = :code.ensure_modules_loaded(Application.spec(app, :modules))
end

defmodule World do
  # What the processes of one scenario, number `w`, share.

  def put(w, kind, key, value), do: :ets.insert(:world, {{w, kind, key}, value})

  def get(w, kind, key) do
    case :ets.lookup(:world, {w, kind, key}) do
      [{_, value}] -> value
      [] -> nil
    end
  end

  def delete(w, kind, key), do: :ets.delete(:world, {w, kind, key})

  def pid!(w, name), do: get(w, :pid, name) || throw({:problem, "no #{name}"})

  # Names a process and has its end noted. The process must be alive.
  def bind(w, name, pid) do
    put(w, :pid, name, pid)
    put(w, :name, pid, name)
    sync(w, {:born, name, pid})
    delete(w, :starting, nil)
  end

  # Nobody knows of a process that has not come to its `bind` yet; until then it is not quiet.
  def starting(w, fun) do
    put(w, :starting, nil, true)
    result = fun.()
    delete(w, :starting, nil)
    result
  end

  def show(w, pid), do: get(w, :name, pid) || "outside"

  def log(w, who, text, key \\ ""), do: send(get(w, :observer, nil), {:log, who, key, text})

  def sync(w, request) do
    ref = make_ref()
    send(get(w, :observer, nil), {request, self(), ref})

    receive do
      {^ref, answer} -> answer
    end
  end

  def registered(w, name), do: String.to_atom("c#{w}_#{name}")

  def unregistered(w, name) do
    String.replace_prefix(Atom.to_string(name), "c#{w}_", "")
  end
end

defmodule Reason do
  def parse("shutdown:" <> why), do: {:shutdown, String.to_atom(why)}
  def parse(word), do: String.to_atom(word)

  # A recorded difference: the pair of a run-time error and its stack is a panic in Rust.
  def show({%RuntimeError{message: "crash"}, stack}) when is_list(stack), do: "crash"
  def show({:shutdown, why}) when is_atom(why), do: "shutdown:#{why}"
  def show({:shutdown, {:failed_to_start_child, id, reason}}), do: "shutdown:child #{id} #{show(reason)}"
  # What is wrong with a supervisor's children is told in each language's own words.
  def show({:start_spec, _}), do: "bad_spec"
  def show({:bad_combination, _}), do: "bad_spec"
  def show(reason) when is_atom(reason), do: Atom.to_string(reason)
  def show(reason), do: inspect(reason)
end

defmodule Observer do
  # Collects what happens in one scenario, and sees its processes end.

  def loop(w, step, lines, live) do
    receive do
      {:log, who, key, text} ->
        loop(w, step, [{step, who, key, length(lines), text} | lines], live)

      {:DOWN, ref, :process, _, reason} ->
        {name, _} = live[ref]
        line = {step, name, "~", length(lines), "ended #{Reason.show(reason)}"}
        loop(w, step, [line | lines], Map.delete(live, ref))

      {{:born, name, pid}, from, ref} ->
        monitor = Process.monitor(pid)
        send(from, {ref, :ok})
        loop(w, step, lines, Map.put(live, monitor, {name, pid}))

      {{:step, next}, from, ref} ->
        send(from, {ref, :ok})
        loop(w, next, lines, live)

      {:live, from, ref} ->
        send(from, {ref, for({_, {_, pid}} <- live, do: pid)})
        loop(w, step, lines, live)

      {:lines, from, ref} ->
        send(from, {ref, lines |> Enum.sort() |> Enum.map(fn {s, who, _, _, text} -> "#{s} #{who}: #{text}" end)})
        loop(w, step, lines, live)

      :end ->
        :ok
    end
  end
end

defmodule Tables do
  # Tables of numbers, and what processes do with them. See scenarios/ets/README.md.

  def make(w, "load", name, [_, file]) do
    case slow(w, fn -> :ets.file2tab(path(w, file), verify: true) end) do
      {:ok, table} ->
        put(w, name, table)
        "ok"

      {:error, :cannot_create_table} ->
        "cannot_create_table"

      {:error, {:read_error, _}} ->
        "read_error"

      {:error, _} ->
        "error"
    end
  end

  def make(w, "table", name, [type | options]) do
    options = Enum.map(options, &option(w, &1))
    # Of two tables without a name, both may be called the same.
    called = Enum.find_value(options, :table, fn option -> with {:name, called} <- option, do: called, else: (_ -> nil) end)
    options = Enum.map(options, fn option -> with {:name, _} <- option, do: :named_table end)

    badarg(fn ->
      put(w, name, :ets.new(called, [String.to_atom(type) | options]))
      "ok"
    end)
  end

  defp option(w, word) do
    case String.split(word, ":", parts: 3) do
      ["name", name] -> {:name, World.registered(w, name)}
      ["heir", heir, data] -> {:heir, World.pid!(w, heir), data}
      [protection] -> String.to_atom(protection)
    end
  end

  # The identifier, which stays what it is when the table gets another name.
  defp put(w, name, table) do
    World.put(w, :table, name, id(table))
    World.put(w, :table_name, id(table), name)
  end

  defp id(table) when is_atom(table), do: :ets.whereis(table)
  defp id(table), do: table

  def name_of(w, table), do: World.get(w, :table_name, id(table)) || "unknown"

  def whereis(w, name) do
    case :ets.whereis(World.registered(w, name)) do
      :undefined -> "none"
      table -> name_of(w, table)
    end
  end

  # A process that waits for a file looks quiet.
  defp slow(w, fun) do
    World.put(w, :starting, nil, true)
    fun.()
  after
    World.delete(w, :starting, nil)
  end

  # Where a file of the scenario is, until its end.
  defp path(w, file) do
    path = Path.join(System.tmp_dir!(), "otp-conformance-#{System.pid()}-#{World.registered(w, file)}")
    World.put(w, :file, file, path)
    String.to_charlist(path)
  end

  # A recorded difference: here errors say what is wrong.
  def act(w, name, operation, words) do
    table = World.get(w, :table, name) || throw({:problem, "no #{name}"})
    badarg(fn -> whole(w, table, operation, words) end)
  end

  defp badarg(fun) do
    fun.()
  rescue
    ArgumentError -> "badarg"
  end

  # What is done to a table as a whole.

  defp whole(w, t, "give_away", [to, data]), do: show(:ets.give_away(t, World.pid!(w, to), data))
  defp whole(w, t, "set_heir", [heir, data]), do: show(:ets.setopts(t, {:heir, World.pid!(w, heir), data}))
  defp whole(_, t, "set_heir", []), do: show(:ets.setopts(t, {:heir, :none}))
  defp whole(_, t, "delete_table", []), do: show(:ets.delete(t))

  # A recorded difference: in OTP an unnamed table has a name too, which leads nowhere.
  defp whole(w, t, "rename", [name]) do
    true = :ets.info(t, :named_table) == true or throw_badarg()
    :ets.rename(t, World.registered(w, name))
    "true"
  end

  defp whole(w, t, "info", []) do
    case :ets.info(t) do
      :undefined ->
        "none"

      info ->
        process = fn pid -> if pid == :none, do: "none", else: World.show(w, pid) end
        name = if info[:named_table], do: World.unregistered(w, info[:name]), else: "none"

        "#{info[:type]} #{info[:protection]} owner=#{process.(info[:owner])} heir=#{process.(info[:heir])} " <>
          "name=#{name} size=#{info[:size]}"
    end
  end

  defp whole(w, t, "save", [file]) do
    case slow(w, fn -> :ets.tab2file(t, path(w, file), extended_info: [:md5sum]) end) do
      :ok -> "ok"
      {:error, _} -> "badarg"
    end
  end

  # A walk of this process, begun when it is first asked for.

  defp whole(_, t, "walk" <> _ = operation, words) do
    met =
      with nil <- Process.get({:walk, t}) do
        :ets.safe_fixtable(t, true)
        []
      end

    case {operation, words} do
      {"walk", [count]} ->
        Process.put({:walk, t}, walk(t, met, String.to_integer(count)))
        "ok"

      {"walk_delete", []} ->
        Process.put({:walk, t}, met)
        Enum.each(Enum.reverse(met), &:ets.delete(t, &1))
        "ok"

      {"walked", []} ->
        Process.delete({:walk, t})
        met = walk(t, met, -1)
        :ets.safe_fixtable(t, false)
        show(Enum.sort(met))
    end
  end

  defp whole(_, t, operation, words), do: show(op(operation, t, Enum.map(words, &numbers/1)))

  defp walk(_, met, 0), do: met

  defp walk(t, met, count) do
    case if(met == [], do: :ets.first(t), else: :ets.next(t, hd(met))) do
      :"$end_of_table" -> met
      key -> walk(t, [key | met], count - 1)
    end
  end

  defp throw_badarg, do: raise(ArgumentError)

  # What is done to rows.

  defp numbers(word), do: word |> String.split(":") |> Enum.map(&String.to_integer/1)

  defp row([key, value]), do: {key, value}

  defp op("insert", t, rows), do: :ets.insert(t, Enum.map(rows, &row/1))
  defp op("insert_new", t, rows), do: :ets.insert_new(t, Enum.map(rows, &row/1))
  defp op("insert_one", t, [r]), do: :ets.insert(t, row(r))
  defp op("insert_new_one", t, [r]), do: :ets.insert_new(t, row(r))
  defp op("lookup", t, [[k]]), do: values(:ets.lookup(t, k))
  # A recorded difference: a key that is not there is no error here.
  defp op("lookup_element", t, [[k]]), do: if(:ets.member(t, k), do: :ets.lookup_element(t, k, 2), else: :none)
  defp op("member", t, [[k]]), do: :ets.member(t, k)
  defp op("take", t, [[k]]), do: values(:ets.take(t, k))
  defp op("delete", t, [[k]]), do: :ets.delete(t, k)
  defp op("delete_object", t, [r]), do: :ets.delete_object(t, row(r))
  defp op("delete_all", t, []), do: :ets.delete_all_objects(t)

  defp op("init", t, rows) do
    :ets.init_table(t, fn :read -> {Enum.map(rows, &row/1), fn _ -> :end_of_input end} end)
  end

  defp op("select_count", t, [[v]]), do: :ets.select_count(t, [{{:_, :"$1"}, [{:>=, :"$1", v}], [true]}])
  defp op("select_delete", t, [[v]]), do: :ets.select_delete(t, [{{:_, :"$1"}, [{:>=, :"$1", v}], [true]}])

  defp op("select_replace", t, [[v]]) do
    :ets.select_replace(t, [{{:"$0", :"$1"}, [{:>=, :"$1", v}], [{{:"$0", {:+, :"$1", 1}}}]}])
  end

  defp op("pages", t, [[limit]]), do: Enum.sort(pages(:ets.select(t, [{:_, [], [:"$_"]}], limit)))
  defp op("sum", t, []), do: :ets.foldl(fn {k, v}, sum -> sum + k * v end, 0, t)

  defp op("dump", t, []) do
    keys = :ets.select(t, [{{:"$1", :_}, [], [:"$1"]}])
    for key <- keys |> Enum.sort() |> Enum.dedup(), do: {key, values(:ets.lookup(t, key))}
  end

  defp op("update_element", t, [[k, v]]), do: :ets.update_element(t, k, {2, v})
  defp op("update_counter", t, [[k] | ops]), do: :ets.update_counter(t, k, counters(ops))
  defp op("update_counter_or", t, [[k, default] | ops]), do: :ets.update_counter(t, k, counters(ops), {k, default})

  defp op("first", t, []), do: :ets.first(t)
  defp op("last", t, []), do: :ets.last(t)
  defp op("next", t, [[k]]), do: :ets.next(t, k)
  defp op("prev", t, [[k]]), do: :ets.prev(t, k)

  defp op("range", t, [[from], [to]]) do
    :ets.select(t, [{{:"$1", :_}, [{:>=, :"$1", from}, {:"=<", :"$1", to}], [:"$_"]}])
  end

  defp op("reverse", t, []), do: :ets.select_reverse(t, [{:_, [], [:"$_"]}])
  defp op("foldr", t, []), do: :ets.foldr(fn {k, v}, sum -> rem(sum * 3 + k * v, 1009) end, 0, t)
  defp op("list", t, []), do: :ets.tab2list(t)

  defp values(rows), do: for({_, value} <- rows, do: value)

  defp pages(:"$end_of_table"), do: []
  defp pages({rows, continuation}), do: rows ++ pages(:ets.select(continuation))

  defp counters(ops) do
    for op <- ops do
      case op do
        [by] -> {2, by}
        [by, threshold, set] -> {2, by, threshold, set}
      end
    end
  end

  defp show(:"$end_of_table"), do: "none"
  defp show(list) when is_list(list), do: "[#{Enum.map_join(list, ",", &show/1)}]"
  defp show({a, b}), do: "(#{show(a)},#{show(b)})"
  defp show(other), do: to_string(other)
end

defmodule Actor do
  # A process that does what the scenario tells it, and notes what reaches it.

  def spawn(w, name, how, first) do
    body = fn ->
      receive do
        :go -> begin(w, name, first)
      end
    end

    {pid, ref} =
      case how do
        :spawn -> {Kernel.spawn(body), nil}
        :spawn_link -> {spawn_link(body), nil}
        :spawn_monitor -> spawn_monitor(body)
      end

    World.put(w, :actor, pid, true)
    World.bind(w, name, pid)
    send(pid, :go)
    ref
  end

  defp begin(w, name, first) do
    if perform(w, name, first) != :return, do: loop(w, name)
  end

  defp loop(w, name) do
    order =
      if World.get(w, :hold, self()) do
        receive do
          {:do, actions} -> actions
        end
      else
        receive do
          message -> note(w, name, message)
        end
      end

    if perform(w, name, order) != :return, do: loop(w, name)
  end

  defp note(_, _, {:do, actions}), do: actions

  defp note(w, name, {:text, from, text}) do
    World.log(w, name, "got #{text} from #{from}", from)
    []
  end

  defp note(w, name, message) do
    {key, text} = Signals.show(w, message)
    World.log(w, name, text, key)
    []
  end

  defp perform(_, _, []), do: :ok
  defp perform(_, _, [["return"] | _]), do: :return

  defp perform(w, name, [action | rest]) do
    try do
      act(w, name, action)
    catch
      {:problem, text} -> World.log(w, name, text)
    end

    perform(w, name, rest)
  end

  defp act(w, _, ["spawn", new | first]), do: Actor.spawn(w, new, :spawn, first(first))
  defp act(w, _, ["spawn_link", new | first]), do: Actor.spawn(w, new, :spawn_link, first(first))

  defp act(w, _, ["spawn_monitor", new, m | first]) do
    monitored(w, m, Actor.spawn(w, new, :spawn_monitor, first(first)))
  end

  # A recorded difference: OTP raises `noproc` in a caller that does not trap exits; here it is a signal in both cases.
  defp act(w, _, ["link", p]) do
    try do
      Process.link(World.pid!(w, p))
    rescue
      error in ErlangError -> exit(error.original)
    end
  end

  defp act(w, _, ["unlink", p]), do: Process.unlink(World.pid!(w, p))
  defp act(w, _, ["monitor", m, p]), do: monitored(w, m, Process.monitor(World.pid!(w, p)))
  defp act(w, _, ["monitor_name", m, n]) do
    registered = World.registered(w, n)
    World.put(w, :found, {self(), registered}, Process.whereis(registered))
    monitored(w, m, Process.monitor(registered))
  end

  # A recorded difference: the tag stands in the place of 'DOWN', here in a field of its own.
  defp act(w, _, ["monitor_tag", m, p, tag]) do
    monitored(w, m, :erlang.monitor(:process, World.pid!(w, p), tag: {:tag, tag}))
  end

  defp act(w, _, ["demonitor", m]), do: Process.demonitor(monitor!(w, m))

  defp act(w, name, ["demonitor_flush", m]) do
    World.log(w, name, "demonitor: #{Process.demonitor(monitor!(w, m), [:flush, :info])}")
  end

  defp act(_, _, ["exit", reason]), do: exit(Reason.parse(reason))
  defp act(_, _, ["crash"]), do: raise("crash")
  defp act(w, _, ["signal", p, reason]), do: Process.exit(World.pid!(w, p), Reason.parse(reason))

  defp act(w, name, ["trap", on]) do
    World.log(w, name, "trapped before: #{Process.flag(:trap_exit, on == "on")}")
  end

  defp act(w, name, ["send", p, text]), do: send(World.pid!(w, p), {:text, name, text})

  # A recorded difference: here these are typed errors.
  defp act(w, name, ["send_name", n, text]) do
    badarg(w, name, nil, fn -> send(World.registered(w, n), {:text, name, text}) end)
  end

  defp act(w, name, ["register", n, p]) do
    pid = World.pid!(w, p)
    badarg(w, name, "registered", fn -> Process.register(pid, World.registered(w, n)) end)
  end

  defp act(w, name, ["unregister", n]) do
    badarg(w, name, "unregistered", fn -> Process.unregister(World.registered(w, n)) end)
  end

  defp act(w, name, ["whereis", n]) do
    pid = Process.whereis(World.registered(w, n))
    World.log(w, name, "whereis: #{if pid, do: World.show(w, pid), else: "none"}")
  end

  defp act(w, _, ["alias", al, "explicit"]), do: World.put(w, :alias, al, :erlang.alias([:explicit_unalias]))
  defp act(w, _, ["alias", al, "reply"]), do: World.put(w, :alias, al, :erlang.alias([:reply]))

  # A recorded difference: one reference for both, here two.
  defp act(w, _, ["monitor_alias", m, al, p, mode]) do
    mode = %{"explicit" => :explicit_unalias, "demonitor" => :demonitor, "reply_demonitor" => :reply_demonitor}[mode]
    ref = :erlang.monitor(:process, World.pid!(w, p), alias: mode)
    World.put(w, :alias, al, ref)
    monitored(w, m, ref)
  end

  defp act(w, name, ["unalias", al]), do: World.log(w, name, "unalias: #{:erlang.unalias(alias!(w, al))}")
  defp act(w, name, ["send_alias", al, text]), do: send(alias!(w, al), {:text, name, text})
  defp act(w, name, ["info", p]), do: World.log(w, name, Signals.info(w, World.pid!(w, p)))
  defp act(w, name, ["alive", p]), do: World.log(w, name, "alive: #{Process.alive?(World.pid!(w, p))}")
  # The order among what others send meanwhile is not compared.
  defp act(w, name, ["await", m]) do
    ref = monitor!(w, m)

    receive do
      {:DOWN, ^ref, _, _, _} = message -> note(w, name, message)
    end
  end

  defp act(w, _, ["hold"]), do: World.put(w, :hold, self(), true)
  defp act(w, _, ["release"]), do: World.delete(w, :hold, self())

  defp act(w, name, ["server", new | options]) do
    start = fn -> GenServer.start(Server, {w, new, options}, start_options(w, options)) end
    started(w, name, new, World.starting(w, start))
  end

  defp act(w, name, ["server_link", new | options]) do
    start = fn -> GenServer.start_link(Server, {w, new, options}, start_options(w, options)) end
    result = World.starting(w, start)
    taken_for_the_answer(w, name, new, result)
    started(w, name, new, result)
  end

  defp act(w, name, ["server_monitor", new, m | options]) do
    {registered, rest} = Keyword.pop(start_options(w, options), :name)
    registered = if is_atom(registered) and registered != nil, do: {:local, registered}, else: registered

    start = fn ->
      if registered do
        :gen_server.start_monitor(registered, Server, {w, new, options}, rest)
      else
        :gen_server.start_monitor(Server, {w, new, options}, rest)
      end
    end

    result = World.starting(w, start)
    with {:ok, {_, ref}} <- result, do: monitored(w, m, ref)
    started(w, name, new, result)
  end

  # A recorded difference: a call that fails exits the caller; here it returns the reason.
  defp act(w, name, ["call", server | words]) do
    {limit, _, directives} = options(words)
    to = destination(w, server)
    World.put(w, :calling, name, true)
    answer = caught(fn -> GenServer.call(to, directives, limit) end)
    World.delete(w, :calling, name)
    World.log(w, name, "answer of #{server}: #{answer}")
  end

  defp act(w, _, ["cast", server | directives]), do: GenServer.cast(destination(w, server), directives)

  defp act(w, name, ["tell", server | directives]) do
    to = destination(w, server)
    badarg(w, name, nil, fn -> send_to(to, {:info, directives}) end)
  end

  defp act(w, name, ["stop", server | words]) do
    {limit, reason, _} = options(words)
    to = destination(w, server)
    World.log(w, name, "stopped #{server}: #{caught(fn -> GenServer.stop(to, reason, limit) end)}")
  end

  defp act(w, name, ["supervisor_link", new | options]) do
    started(w, name, new, World.starting(w, fn -> Supervisor.start_link(Tree, {w, new, options}) end))
  end

  defp act(w, name, ["dynamic_supervisor_link", new | options]) do
    start = fn -> DynamicSupervisor.start_link(DynamicTree, {w, new, options}) end
    started(w, name, new, World.starting(w, start))
  end

  defp act(w, name, ["partition_supervisor_link", new | options]) do
    started(w, name, new, World.starting(w, fn -> Partitions.start_link(w, new, options) end))
  end

  defp act(w, name, ["start_child", sup, id]) do
    pid = World.pid!(w, sup)

    children(w, name, "start_child #{id}", fn ->
      if World.get(w, :dynamic, sup) do
        DynamicSupervisor.start_child(pid, Tree.spec(w, id, false))
      else
        Supervisor.start_child(pid, Tree.spec(w, id))
      end
    end)
  end

  defp act(w, name, ["terminate_child", sup, id]) do
    pid = World.pid!(w, sup)

    children(w, name, "terminate_child #{id}", fn ->
      if World.get(w, :dynamic, sup) do
        DynamicSupervisor.terminate_child(pid, World.pid!(w, id))
      else
        Supervisor.terminate_child(pid, id)
      end
    end)
  end

  defp act(w, name, ["restart_child", sup, id]) do
    children(w, name, "restart_child #{id}", fn -> Supervisor.restart_child(World.pid!(w, sup), id) end)
  end

  defp act(w, name, ["delete_child", sup, id]) do
    children(w, name, "delete_child #{id}", fn -> Supervisor.delete_child(World.pid!(w, sup), id) end)
  end

  defp act(w, name, ["which_children", sup]) do
    pid = World.pid!(w, sup)

    answer =
      caught(fn ->
        if World.get(w, :dynamic, sup) do
          # In no order, and without ids.
          children =
            for {:undefined, pid, type, _} <- DynamicSupervisor.which_children(pid) do
              if is_pid(pid), do: " #{World.show(w, pid)}:running:#{type}", else: " #{pid}:#{type}"
            end

          Enum.sort(children)
        else
          # In the order of their start; OTP lists them backwards.
          for {id, pid, type, _} <- Enum.reverse(Supervisor.which_children(pid)) do
            state = if is_pid(pid), do: "running", else: Atom.to_string(pid)
            " #{id}:#{state}:#{type}"
          end
        end
      end)

    World.log(w, name, "children:#{answer}")
  end

  defp act(w, name, ["count_children", sup]) do
    answer =
      caught(fn ->
        count = Supervisor.count_children(World.pid!(w, sup))
        "specs=#{count.specs} active=#{count.active} supervisors=#{count.supervisors} workers=#{count.workers}"
      end)

    World.log(w, name, "count: #{answer}")
  end

  defp act(w, name, ["stop_supervisor", sup, reason]) do
    pid = World.pid!(w, sup)
    World.log(w, name, "stopped #{sup}: #{caught(fn -> Supervisor.stop(pid, Reason.parse(reason)) end)}")
  end

  defp act(w, name, ["registry_link", new | options]) do
    started(w, name, new, World.starting(w, fn -> Registries.start_link(w, new, options) end))
  end

  defp act(w, name, ["registry_" <> verb, r | words]) do
    case Registries.act(w, name, verb, r, words) do
      nil -> :ok
      answer -> World.log(w, name, "#{Enum.join([verb, r | Enum.take(words, 1)], " ")}: #{answer}")
    end
  end

  defp act(w, name, [verb, table, type | rest]) when verb in ["table", "load"] do
    World.log(w, name, "#{verb} #{table}: #{Tables.make(w, verb, table, [type | rest])}")
  end

  defp act(w, name, ["whereis_table", n]), do: World.log(w, name, "whereis_table: #{Tables.whereis(w, n)}")

  defp act(w, name, ["ets", table, operation | words]) do
    World.log(w, name, "#{table} #{operation}: #{Tables.act(w, table, operation, words)}")
  end

  defp act(w, name, other), do: World.log(w, name, "cannot #{Enum.join(other, " ")}")

  defp first([]), do: []
  defp first(words), do: [words]

  defp monitored(w, m, ref) do
    World.put(w, :monitor, m, ref)
    World.put(w, :monitor_name, ref, m)
  end

  defp monitor!(w, m), do: World.get(w, :monitor, m) || throw({:problem, "no #{m}"})
  defp alias!(w, al), do: World.get(w, :alias, al) || throw({:problem, "no #{al}"})

  defp badarg(w, name, text, fun) do
    try do
      fun.()
      if text, do: World.log(w, name, text)
    rescue
      ArgumentError -> World.log(w, name, "badarg")
    end
  end

  defp send_to({:via, Registry, name}, message), do: Registry.send(name, message)
  defp send_to(to, message), do: send(to, message)

  defp destination(w, "name:" <> name), do: World.registered(w, name)
  defp destination(w, "via:" <> via), do: Registries.via(w, via)

  defp destination(w, "part:" <> part) do
    [supervisor, number] = String.split(part, ":")
    {:via, PartitionSupervisor, {World.registered(w, supervisor), String.to_integer(number)}}
  end

  defp destination(w, server), do: World.pid!(w, server)

  defp start_options(w, words) do
    Enum.flat_map(words, fn
      "name:" <> name -> [name: World.registered(w, name)]
      "via:" <> via -> [name: Registries.via(w, via)]
      "within:" <> limit -> [timeout: String.to_integer(limit)]
      _ -> []
    end)
  end

  defp options(words) do
    Enum.reduce(Enum.reverse(words), {:infinity, :normal, []}, fn
      "within:" <> limit, {_, reason, rest} -> {String.to_integer(limit), reason, rest}
      "reason:" <> reason, {limit, _, rest} -> {limit, Reason.parse(reason), rest}
      word, {limit, reason, rest} -> {limit, reason, [word | rest]}
    end)
  end

  def caught(fun) do
    try do
      fun.()
    catch
      :exit, {reason, {module, _, _}} when module in [GenServer, :gen_server, Supervisor, PartitionSupervisor] -> "exit #{Reason.show(reason)}"
      :exit, reason -> "exit #{Reason.show(reason)}"
    end
  end

  # A recorded difference: from OTP 26 on, a starter that traps exits gets no EXIT of a start that failed.
  defp taken_for_the_answer(w, name, new, result) do
    reason =
      case result do
        {:ok, _} -> nil
        {:error, {:already_started, _}} -> nil
        {:error, reason} -> reason
        :ignore -> :normal
      end

    if reason != nil and Process.info(self(), :trap_exit) == {:trap_exit, true} and
         String.to_integer(System.otp_release()) >= 26 do
      World.log(w, name, "exit of #{new}: #{Reason.show(reason)}", new)
    end
  end

  defp started(w, name, new, result) do
    text =
      case result do
        {:ok, _} -> "ok"
        :ignore -> "ignore"
        {:error, {:already_started, pid}} -> "error already_started #{World.show(w, pid)}"
        {:error, reason} -> "error #{Reason.show(reason)}"
      end

    # Nobody promises that a failed start is heard of before the link breaks: whoever dies of it never says more.
    if not match?({:ok, _}, result), do: await_end(World.get(w, :pid, new))
    World.log(w, name, "start #{new}: #{text}")
  end

  def await_end(nil), do: :ok

  def await_end(pid) do
    ref = Process.monitor(pid)

    receive do
      {:DOWN, ^ref, _, _, _} -> for _ <- 1..200, do: :erlang.yield()
    end
  end

  defp children(w, name, what, fun) do
    answer =
      caught(fn ->
        case fun.() do
          :ok -> "ok"
          {:ok, :undefined} -> "ok undefined"
          :ignore -> "ignore"
          {:ok, pid} when is_pid(pid) -> "ok #{World.show(w, pid)}"
          {:error, {:already_started, pid}} -> "error already_started #{World.show(w, pid)}"
          # The supervisor adds the child's description to the reason of a start that failed.
          {:error, {reason, child}} when elem(child, 0) == :child -> "error #{Reason.show(reason)}"
          {:error, reason} -> "error #{Reason.show(reason)}"
        end
      end)

    World.log(w, name, "#{what}: #{answer}")
  end
end

defmodule Signals do
  # How what arrives is shown, and whom it counts as coming from: the order of DOWNs among EXITs is not promised.

  def show(w, {:EXIT, pid, reason}) do
    from = World.show(w, pid)
    {from, "exit of #{from}: #{Reason.show(reason)}"}
  end

  def show(w, {:DOWN, ref, :process, object, reason}), do: down(w, ref, object, reason, "")
  def show(w, {{:tag, tag}, ref, :process, object, reason}), do: down(w, ref, object, reason, " tag #{tag}")
  def show(w, {:register, r, key, pid, value}) do
    from = Registries.who(w, pid)
    {from, "#{World.unregistered(w, r)} register #{key} of #{from}: #{Registries.show_value(value)}"}
  end

  def show(w, {:unregister, r, key, pid}) do
    from = Registries.who(w, pid)
    {from, "#{World.unregistered(w, r)} unregister #{key} of #{from}"}
  end

  def show(w, {:"ETS-TRANSFER", t, from, data}) do
    table = Tables.name_of(w, t)
    {"table #{table}", "got table #{table} from #{World.show(w, from)}: #{data}"}
  end

  def show(_, other), do: {"", "unknown #{inspect(other)}"}

  defp down(w, ref, object, reason, tag) do
    m = World.get(w, :monitor_name, ref) || "unknown"

    target =
      case object do
        {name, _} -> "name:#{World.unregistered(w, name)}"
        pid -> World.show(w, pid)
      end

    {"down #{m}", "down #{m} of #{target}: #{Reason.show(reason)}#{tag}"}
  end

  def info(w, pid) do
    case Process.info(pid, [:links, :monitors, :monitored_by, :trap_exit, :registered_name]) do
      nil ->
        "info: none"

      info ->
        # A monitor by name is shown as such; Rust shows the process that it found.
        monitors =
          for {:process, object} <- info[:monitors] do
            case object do
              {name, _} -> World.get(w, :found, {pid, name})
              target -> target
            end
          end

        name = if info[:registered_name] == [], do: "none", else: World.unregistered(w, info[:registered_name])

        "info: links=[#{names(w, info[:links])}] monitors=[#{names(w, monitors)}] " <>
          "monitored_by=[#{names(w, info[:monitored_by], &(not calling?(w, &1)))}] trap=#{info[:trap_exit]} name=#{name}"
    end
  end

  # Those of others than the scenario's own are left out.
  defp names(w, pids, wanted \\ & &1) do
    for(pid <- pids, name = World.get(w, :name, pid), wanted.(name), do: name) |> Enum.sort() |> Enum.dedup() |> Enum.join(",")
  end

  # A call monitors its server in OTP, and not here, where the request itself tells of the death.
  defp calling?(w, name), do: World.get(w, :calling, name) != nil
end

defmodule Server do
  # A server whose callbacks do what the request tells them, and note that they ran. See src/server.rs.
  use GenServer

  @plain %{from: nil, reply: nil, stop: nil, continue: nil, idle: nil}

  def init({w, name, options}) do
    World.bind(w, name, self())
    World.log(w, name, "init")
    if World.get(w, :child, name), do: World.log(w, "order", "init #{name}")

    state = %{
      w: w,
      name: name,
      count: 0,
      kept: [],
      on_terminate: option(options, "terminate:"),
      on_timeout: option(options, "on_timeout:")
    }

    verb = fn word -> hd(String.split(word, ":")) end
    options = Enum.reject(options, &(verb.(&1) in ["name", "via", "within", "terminate", "on_timeout"]))

    {before, rest} = Enum.split_while(options, &(verb.(&1) not in ["ignore", "stop"]))
    {state, asked} = obey_all(state, @plain, before)

    case rest do
      ["ignore" | _] -> :ignore
      ["stop:" <> reason | _] -> {:stop, Reason.parse(reason)}
      [] -> result(:ok, state, asked)
    end
  end

  def handle_call(directives, from, state) do
    log(state, "call", directives)
    {state, asked} = obey_all(state, %{@plain | from: from}, directives)
    # A request that is not answered is kept. Rust tells one that is dropped from it: a recorded difference.
    state = if asked.from, do: %{state | kept: state.kept ++ [asked.from]}, else: state

    case asked do
      %{stop: nil, reply: nil} -> result(:noreply, state, asked)
      %{stop: nil, reply: reply, continue: next} when next != nil -> {:reply, reply, state, {:continue, next}}
      %{stop: nil, reply: reply, idle: idle} when idle != nil -> {:reply, reply, state, idle}
      %{stop: nil, reply: reply} -> {:reply, reply, state}
      %{stop: {reason}, reply: nil} -> {:stop, reason, state}
      %{stop: {reason}, reply: reply} -> {:stop, reason, reply, state}
    end
  end

  def handle_cast(directives, state), do: handle(state, "cast", directives)

  def handle_continue(directive, state), do: handle(state, "continue", [directive])

  # A recorded difference: callbacks of their own.
  def handle_info({:info, directives}, state), do: handle(state, "info", directives)

  def handle_info(:timeout, state) do
    World.log(state.w, state.name, "timeout")
    {state, asked} = obey_all(state, @plain, List.wrap(state.on_timeout))
    result(:noreply, state, asked)
  end

  def handle_info(message, state) do
    {key, text} = Signals.show(state.w, message)
    World.log(state.w, state.name, text, key)
    {:noreply, state}
  end

  def terminate(reason, state) do
    World.log(state.w, state.name, "terminate #{Reason.show(reason)} count=#{state.count}")
    if World.get(state.w, :child, state.name), do: World.log(state.w, "order", "terminate #{state.name}")
    obey_all(state, @plain, List.wrap(state.on_terminate))
  end

  defp handle(state, callback, directives) do
    log(state, callback, directives)
    {state, asked} = obey_all(state, @plain, directives)
    result(:noreply, state, asked)
  end

  defp result(_, state, %{stop: {reason}}), do: {:stop, reason, state}
  defp result(word, state, %{continue: next}) when next != nil, do: {word, state, {:continue, next}}
  defp result(word, state, %{idle: idle}) when idle != nil, do: {word, state, idle}
  defp result(word, state, _), do: {word, state}

  defp option(options, prefix) do
    Enum.find_value(options, fn word ->
      if String.starts_with?(word, prefix), do: String.replace_prefix(word, prefix, "")
    end)
  end

  defp log(state, callback, directives) do
    World.log(state.w, state.name, "#{callback} #{Enum.join(directives, " ")}")
  end

  defp obey_all(state, asked, directives) do
    Enum.reduce(directives, {state, asked}, fn directive, {state, asked} -> obey(directive, state, asked) end)
  end

  defp obey("reply:" <> text, state, asked), do: {state, reply(asked, text)}
  defp obey("count", state, asked), do: {state, reply(asked, Integer.to_string(state.count))}

  defp obey("reply_now:" <> text, state, asked) do
    if asked.from, do: GenServer.reply(asked.from, text)
    {state, %{asked | from: nil}}
  end

  defp obey("add:" <> number, state, asked), do: {%{state | count: state.count + String.to_integer(number)}, asked}
  defp obey(word, state, asked) when word in ["later", "nothing"], do: {state, asked}

  defp obey("answer:" <> text, state, asked) do
    Enum.each(state.kept, &GenServer.reply(&1, text))
    {%{state | kept: []}, asked}
  end

  defp obey("stop:" <> reason, state, asked), do: {state, %{asked | stop: asked.stop || {Reason.parse(reason)}}}
  defp obey("exit:" <> reason, _, _), do: exit(Reason.parse(reason))
  defp obey("crash", _, _), do: raise("crash")
  defp obey("idle:" <> time, state, asked), do: {state, %{asked | idle: String.to_integer(time)}}
  defp obey("continue=" <> directive, state, asked), do: {state, %{asked | continue: directive}}

  defp obey("tell_self=" <> directive, state, asked) do
    send(self(), {:info, [directive]})
    {state, asked}
  end

  defp obey("sleep:" <> time, state, asked) do
    Process.sleep(String.to_integer(time))
    {state, asked}
  end

  defp obey("trap", state, asked) do
    Process.flag(:trap_exit, true)
    {state, asked}
  end

  defp obey("signal_self:" <> reason, state, asked) do
    Process.exit(self(), Reason.parse(reason))
    {state, asked}
  end

  defp obey("link:" <> p, state, asked) do
    Process.link(World.get(state.w, :pid, p))
    {state, asked}
  end

  defp obey("unlink:" <> p, state, asked) do
    Process.unlink(World.get(state.w, :pid, p))
    {state, asked}
  end

  defp obey("call_self", state, asked) do
    World.log(state.w, state.name, "call_self: #{Actor.caught(fn -> GenServer.call(self(), []) end)}")
    {state, asked}
  end

  defp obey("stop_self", state, asked) do
    World.log(state.w, state.name, "stop_self: #{Actor.caught(fn -> GenServer.stop(self()) end)}")
    {state, asked}
  end

  defp obey(other, state, asked) do
    World.log(state.w, state.name, "cannot #{other}")
    {state, asked}
  end

  defp reply(%{from: nil} = asked, _), do: asked
  defp reply(asked, text), do: %{asked | from: nil, reply: text}
end

defmodule Tree do
  # Supervisors and the children that `spec` lines describe. See scenarios/supervisor/README.md.
  use Supervisor

  def init({w, name, options}) do
    World.bind(w, name, self())
    option = fn key, default -> value(options, key) || default end

    case option.("init", "ok") do
      "ignore" ->
        :ignore

      "ok" ->
        # Erlang's own flags: Elixir 1.14 knows nothing of auto_shutdown.
        flags = %{
          strategy: String.to_atom(option.("strategy", "one_for_one")),
          intensity: String.to_integer(option.("intensity", "3")),
          period: String.to_integer(option.("period", "5")),
          auto_shutdown: String.to_atom(option.("auto_shutdown", "never"))
        }

        ids = String.split(option.("children", ""), ",", trim: true)
        {:ok, {flags, Enum.map(ids, &spec(w, &1))}}
    end
  end

  # Children that stop at the same time, as a dynamic supervisor's do, are not `ordered`.
  def spec(w, id, ordered \\ true) do
    options = World.get(w, :spec, id) || throw({:problem, "no #{id}"})
    kind = String.to_atom(value(options, "type") || "worker")
    type = if kind == :worker, do: :worker, else: :supervisor
    default = if type == :worker, do: "5000", else: "infinity"

    spec = %{
      id: id,
      start: {Tree, :start_child, [w, id, kind, options, ordered]},
      type: type,
      restart: String.to_atom(value(options, "restart") || "permanent"),
      shutdown:
        case value(options, "shutdown") || default do
          word when word in ["brutal_kill", "infinity"] -> String.to_atom(word)
          time -> String.to_integer(time)
        end
    }

    if "significant" in options, do: Map.put(spec, :significant, true), else: spec
  end

  # The nth start does what the nth word of `start=` says, and the last word goes on for ever.
  def start_child(w, id, kind, options, ordered) do
    if ordered, do: World.put(w, :child, id, true)
    number = World.get(w, :starts, id) || 0
    World.put(w, :starts, id, number + 1)
    words = String.split(value(options, "start") || "ok", ",")
    word = Enum.at(words, number) || List.last(words)

    start = fn ->
      case {kind, word} do
        {:supervisor, "ok"} -> Supervisor.start_link(Tree, {w, id, options})
        {:supervisor, other} -> Supervisor.start_link(Tree, {w, id, ["init=" <> other]})
        {:dynamic_supervisor, "ok"} -> DynamicSupervisor.start_link(DynamicTree, {w, id, options})
        {:dynamic_supervisor, other} -> DynamicSupervisor.start_link(DynamicTree, {w, id, ["init=" <> other]})
        {:worker, "ok"} -> GenServer.start_link(Server, {w, id, server_options(options)})
        {:worker, other} -> GenServer.start_link(Server, {w, id, [other]})
      end
    end

    result = World.starting(w, start)
    # Else it is a matter of luck whether the child ends with its own reason or with the supervisor's.
    if not match?({:ok, _}, result), do: Actor.await_end(World.get(w, :pid, id))
    result
  end

  def server_options(options), do: Enum.reject(options, &(String.contains?(&1, "=") or &1 == "significant"))

  def value(options, key) do
    Enum.find_value(options, fn word ->
      if String.starts_with?(word, key <> "="), do: String.replace_prefix(word, key <> "=", "")
    end)
  end
end

defmodule DynamicTree do
  # Dynamic supervisors; their children are those of `Tree.spec`.
  use DynamicSupervisor

  def init({w, name, options}) do
    World.bind(w, name, self())
    World.put(w, :dynamic, name, true)

    case Tree.value(options, "init") do
      "ignore" ->
        :ignore

      nil ->
        number = fn key, default -> String.to_integer(Tree.value(options, key) || default) end
        max = Tree.value(options, "max_children")

        DynamicSupervisor.init(
          strategy: :one_for_one,
          max_restarts: number.("intensity", "3"),
          max_seconds: number.("period", "5"),
          max_children: if(max, do: String.to_integer(max), else: :infinity)
        )
    end
  end
end

defmodule Partitions do
  # Partition supervisors. See scenarios/partition_supervisor/README.md.

  def start_link(w, name, options) do
    option = fn key, default -> Tree.value(options, key) || default end
    child = option.("child", name)

    result =
      PartitionSupervisor.start_link(
        name: World.registered(w, option.("as", name)),
        child_spec: %{id: Server, start: {Partitions, :start_child, [w, child]}},
        with_arguments: fn [w, child], partition -> [w, "#{child}#{partition}"] end,
        partitions: String.to_integer(option.("partitions", "1")),
        strategy: String.to_atom(option.("strategy", "one_for_one")),
        max_restarts: String.to_integer(option.("intensity", "3")),
        max_seconds: String.to_integer(option.("period", "5"))
      )

    with {:ok, pid} <- result, do: World.bind(w, name, pid)
    result
  end

  def start_child(w, id) do
    World.put(w, :child, id, true)
    options = Tree.server_options(World.get(w, :spec, id) || [])
    result = World.starting(w, fn -> GenServer.start_link(Server, {w, id, options}) end)
    # As in `Tree`.
    if not match?({:ok, _}, result), do: Actor.await_end(World.get(w, :pid, id))
    result
  end
end

defmodule Registries do
  # Registries, and what processes do with them. See scenarios/registry/README.md.

  def start_link(w, name, options) do
    values = fn key -> for word <- options, [^key, value] <- [String.split(word, "=")], do: value end
    as = List.first(values.("as")) || name

    partitions = String.to_integer(List.first(values.("partitions")) || "1")

    result =
      Registry.start_link(
        keys: if("duplicate" in options, do: :duplicate, else: :unique),
        name: World.registered(w, as),
        partitions: partitions,
        listeners: Enum.map(values.("listener"), &World.registered(w, &1))
      )

    with {:ok, pid} <- result do
      World.put(w, :registry, name, World.registered(w, as))
      World.put(w, :partitions, World.registered(w, as), partitions)
      World.bind(w, name, pid)
    end

    result
  end

  def via(w, word) do
    case String.split(word, ":", parts: 3) do
      [r, key] -> {:via, Registry, {registry!(w, r), key}}
      [r, key, value] -> {:via, Registry, {registry!(w, r), key, value}}
    end
  end

  # One name for all partitions: which key belongs to which is up to each language.
  def act(w, _, "partition", r, [name]) do
    for {_, pid, _, _} <- Supervisor.which_children(World.pid!(w, r)), is_pid(pid), do: World.bind(w, name, pid)
    nil
  end

  # A recorded difference: operations on a registry that does not run raise, here they return an error.
  def act(w, me, verb, r, words) do
    registry = registry!(w, r)

    try do
      perform(w, me, verb, registry, words)
    rescue
      error in ArgumentError ->
        if error.message =~ "unknown registry", do: if(verb != "try", do: "not_running"), else: reraise(error, __STACKTRACE__)
    end
  end

  defp perform(w, _, "register", r, [key, value]) do
    case Registry.register(r, key, value) do
      {:ok, partition} -> "ok #{World.show(w, partition)}"
      {:error, {:already_registered, pid}} -> "already_registered #{World.show(w, pid)}"
    end
  end

  # Nobody can say who wins.
  defp perform(_, _, "try", r, [key, value]) do
    Registry.register(r, key, value)
    nil
  end

  defp perform(_, _, "unregister", r, [key]), do: "#{Registry.unregister(r, key)}"
  defp perform(_, _, "unregister_match", r, [key, value]), do: "#{Registry.unregister_match(r, key, value)}"

  defp perform(_, _, "update", r, [key, more]) do
    case Registry.update_value(r, key, &"#{&1}+#{more}") do
      {new, old} -> "#{new} was #{show_value(old)}"
      :error -> "error"
    end
  end

  defp perform(w, _, "lookup", r, [key]), do: entries(w, Registry.lookup(r, key))
  defp perform(w, _, "keys", r, [p]), do: sorted(Registry.keys(r, World.pid!(w, p)))

  defp perform(w, _, "values", r, [key, p]) do
    sorted(Enum.map(Registry.values(r, key, World.pid!(w, p)), &show_value/1))
  end

  defp perform(_, _, "count", r, []), do: "#{Registry.count(r)}"

  defp perform(w, me, "dispatch", r, [key, text]) do
    this = self()
    ref = make_ref()

    :ok =
      Registry.dispatch(r, key, fn entries ->
        for {pid, _} <- entries, World.get(w, :actor, pid), do: send(pid, {:text, me, text})
        send(this, {ref, entries})
      end)

    calls = calls(ref)

    # With several partitions, which entries are in the same call is up to each language.
    if calls == [] or World.get(w, :partitions, r) > 1 do
      entries(w, Enum.concat(calls))
    else
      Enum.map_join(calls, " | ", &entries(w, &1))
    end
  end

  defp calls(ref) do
    receive do
      {^ref, entries} -> [entries | calls(ref)]
    after
      0 -> []
    end
  end

  # Servers register before they have a name in the scenario.
  def who(w, pid), do: if(World.get(w, :actor, pid), do: World.show(w, pid), else: "server")

  # A server that is started without a value has the default value in Rust.
  def show_value(nil), do: "nil"
  def show_value(value), do: value

  # In an order of their own: none is promised.
  defp entries(w, entries), do: sorted(for {pid, value} <- entries, do: "#{World.show(w, pid)}=#{show_value(value)}")
  defp sorted([]), do: "none"
  defp sorted(words), do: words |> Enum.sort() |> Enum.join(" ")
  defp registry!(w, name), do: World.get(w, :registry, name) || throw({:problem, "no #{name}"})
end

defmodule Runner do
  # Without a sign of quiet for so many milliseconds, something hangs.
  @limit 5_000

  def run(name, steps, w, pause) do
    observer = spawn(fn -> Observer.loop(w, 0, [], %{}) end)
    World.put(w, :observer, nil, observer)

    for {step, number} <- Enum.with_index(steps, 1) do
      World.sync(w, {:step, number})
      take(w, String.split(step, " ", trim: true), step)
      quiet(w, pause)
    end

    lines = World.sync(w, :lines)
    for pid <- World.sync(w, :live), do: Process.exit(pid, :kill)
    for [path] <- :ets.match(:world, {{w, :file, :_}, :"$1"}), do: File.rm(path)
    send(observer, :end)
    ["== #{name}\n" | Enum.map(lines, &[&1, "\n"])]
  end

  defp take(w, ["start" | names], _), do: for(name <- names, do: Actor.spawn(w, name, :spawn, []))
  defp take(_, ["wait", time], _), do: Process.sleep(String.to_integer(time))

  defp take(w, ["spec", id | options], _), do: World.put(w, :spec, id, options)

  defp take(w, [actor | _], step) do
    [_, actions] = String.split(step, " ", parts: 2)
    actions = for action <- String.split(actions, ";"), do: String.split(action, " ", trim: true)

    case World.get(w, :pid, actor) do
      nil -> World.log(w, "runner", "#{actor} cannot be told what to do")
      pid -> send(pid, {:do, actions})
    end
  end

  defp quiet(w, pause) do
    settle(w, System.monotonic_time(:millisecond) + @limit, nil, 0, 0)

    if pause > 0 do
      Process.sleep(pause)
      settle(w, System.monotonic_time(:millisecond) + @limit, nil, 0, 0)
    end
  end

  # Three looks in a row that see the same processes, all of them waiting with nothing to do.
  defp settle(_, _, _, 3, _), do: :ok

  defp settle(w, deadline, before, same, looks) do
    pids = World.sync(w, :live)
    infos = for pid <- pids, do: {pid, Process.info(pid, [:status, :message_queue_len])}

    idle =
      World.get(w, :starting, nil) == nil and
        Enum.all?(infos, fn
          {_, nil} -> false
          {pid, info} -> info[:status] == :waiting and (info[:message_queue_len] == 0 or World.get(w, :hold, pid) != nil)
        end)

    cond do
      System.monotonic_time(:millisecond) > deadline ->
        World.log(w, "runner", "this step does not come to rest")

      idle and infos == before ->
        :erlang.yield()
        settle(w, deadline, infos, same + 1, looks + 1)

      true ->
        if looks > 10, do: Process.sleep(1), else: :erlang.yield()
        settle(w, deadline, if(idle, do: infos), if(idle, do: 1, else: 0), looks + 1)
    end
  end
end

[file | rest] = System.argv()
pause = if rest == ["slow"], do: 20, else: 0

scenarios =
  File.read!(file)
  |> String.split("\n", trim: true)
  |> Enum.map(&String.trim/1)
  |> Enum.reject(&String.starts_with?(&1, "#"))
  |> Enum.chunk_while(
    nil,
    fn
      "== " <> name, nil -> {:cont, {name, []}}
      "== " <> name, {last, steps} -> {:cont, {last, Enum.reverse(steps)}, {name, []}}
      step, {name, steps} -> {:cont, {name, [step | steps]}}
    end,
    fn
      nil -> {:cont, nil}
      {name, steps} -> {:cont, {name, Enum.reverse(steps)}, nil}
    end
  )

scenarios
|> Enum.with_index()
|> Task.async_stream(fn {{name, steps}, w} -> Runner.run(name, steps, w, pause) end,
  max_concurrency: 8 * System.schedulers_online(),
  timeout: :infinity
)
|> Enum.each(fn {:ok, trace} -> IO.write(trace) end)
