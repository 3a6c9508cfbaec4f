//! Runs a scenario here, step by step.

use std::time::Duration;

use otp_core::process::Spawn;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

use crate::actor::{self, Order};
use crate::scenario::{Scenario, Step};
use crate::world::{Address, World};

/// Runs it on a runtime of its own, and returns what happened.
pub(crate) fn trace(scenario: &Scenario, index: usize) -> String {
    let world = World::new(index);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => runtime.block_on(async {
            for (number, step) in scenario.steps.iter().enumerate() {
                world.set_step(number + 1);
                take(&world, step);
                quiet(&world).await;
                if let Step::Wait(time) = step {
                    sleep(Duration::from_millis(*time)).await;
                    quiet(&world).await;
                }
            }
            // Taken before the runtime ends those that are left.
            let lines = world.lines();
            world.remove_files();
            lines.into_iter().fold(format!("== {}\n", scenario.name), |text, line| text + &line + "\n")
        }),
        Err(error) => format!("== {}\n0 runner: {error}\n", scenario.name),
    }
}

/// What a step may take, as on the BEAM.
const LIMIT: Duration = Duration::from_secs(5);

/// The paused clock moves when nothing else is left to do.
async fn quiet(world: &World) {
    let began = Instant::now();
    sleep(Duration::from_millis(1)).await;
    while world.is_busy() {
        if began.elapsed() > LIMIT {
            return world.log("runner", "this step does not come to rest");
        }
        sleep(Duration::from_millis(1)).await;
    }
}

fn take(world: &World, step: &Step) {
    match step {
        Step::Start(names) => {
            for name in names {
                actor::spawn(world, name, Spawn::new(), None);
            }
        }
        Step::Wait(_) => {}
        Step::Spec { id, options } => world.add_spec(id, options),
        Step::Act { actor, actions } => match world.address(actor) {
            Some(Address::Actor(actor)) => actor.send(Order::Do(actions.clone())),
            _ => world.log("runner", format!("{actor} cannot be told what to do")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::trace;
    use crate::scenario::Scenario;

    fn traced(text: &str) -> String {
        let scenarios = Scenario::parse_all(text).expect("valid");
        scenarios.iter().enumerate().map(|(index, scenario)| trace(scenario, index)).collect()
    }

    #[test]
    fn a_trace_has_each_step_and_process_in_order() {
        let text = "== x\nstart a b\na trap on; link b\nb send a one; exit boom\na signal a kill\n";
        let expected = "\
== x
2 a: trapped before: false
3 a: got one from b
3 a: exit of b: boom
3 b: ended boom
4 a: ended killed
";
        assert_eq!(traced(text), expected);
    }

    #[test]
    fn scenarios_do_not_meet_and_time_passes_only_in_a_wait() {
        let text = "start a\na server s name:n; cast s idle:1000\n";
        let traces = traced(&format!("== x\n{text}wait 2000\n== y\n{text}a whereis n\n"));
        assert_eq!(traces.matches("start s: ok").count(), 2, "{traces}");
        assert_eq!(traces.matches("3 s: timeout").count(), 1, "{traces}");
        assert!(traces.ends_with("3 a: whereis: s\n"), "{traces}");
    }

    #[test]
    fn a_tree_of_supervisors_is_built_of_its_specs() {
        let text = "\
== x
spec b start=ok,stop:boom,ok
spec d type=dynamic_supervisor
start a
a supervisor_link s children=b,d; start_child d b; terminate_child d b; which_children s
";
        let expected = "\
== x
4 a: start s: ok
4 a: start_child b: error boom
4 a: terminate_child b: error not_found
4 a: children: b:running:worker d:running:supervisor
4 b: init
4 b: init
4 b: ended boom
4 order: init b
4 order: init b
";
        assert_eq!(traced(text), expected);
    }
}
