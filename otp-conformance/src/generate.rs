//! Generated scenarios: a seed and a number determine one, whatever else is generated.

mod dynamic_supervisor;
mod ets;
mod gen_server;
mod partition_supervisor;
mod process;
mod registry;
mod supervisor;

use crate::draw::Draw;
use crate::scenario::Scenario;

/// So many scenarios of an area.
pub(crate) fn scenarios(area: &str, count: u64, seed: u64) -> Result<Vec<Scenario>, String> {
    let steps: fn(&mut Draw) -> Vec<String> = match area {
        "process" => process::steps,
        "gen_server" => gen_server::steps,
        "supervisor" => supervisor::steps,
        "dynamic_supervisor" => dynamic_supervisor::steps,
        "partition_supervisor" => partition_supervisor::steps,
        "registry" => registry::steps,
        "ets" => ets::steps,
        _ => return Err(format!("nothing is generated for the area `{area}`")),
    };
    (0..count).try_fold(Vec::new(), |mut all, number| {
        let mut lines = vec![format!("== {area}/generated/{seed}/{number}")];
        lines.extend(steps(&mut Draw::new(seed, number)));
        // Read as if it were written by hand, so that what is generated keeps to the form.
        all.extend(Scenario::parse_all(&lines.join("\n")).map_err(|error| format!("{}: {error}", lines[0]))?);
        Ok(all)
    })
}

#[cfg(test)]
mod tests {
    use super::scenarios;

    const AREAS: [&str; 7] = [
        "process",
        "gen_server",
        "supervisor",
        "dynamic_supervisor",
        "partition_supervisor",
        "registry",
        "ets",
    ];

    #[test]
    fn a_seed_and_a_number_determine_a_scenario() {
        for area in AREAS {
            let few = scenarios(area, 5, 7).expect("valid");
            assert_eq!(few, scenarios(area, 50, 7).expect("valid")[..5]);
            assert_ne!(few[0].steps, few[1].steps);
            assert_ne!(few[0].steps, scenarios(area, 1, 8).expect("valid")[0].steps);
        }
    }

    #[test]
    fn what_is_generated_is_well_formed() {
        for area in AREAS {
            assert_eq!(scenarios(area, 1000, 1).map(|all| all.len()), Ok(1000));
        }
    }
}
