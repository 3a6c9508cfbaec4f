//! Partition supervisors: see `scenarios/partition_supervisor/README.md`.

use otp_genserver::GenServer as _;
use otp_supervisor::{Partition, PartitionName, PartitionSupervisor, StartError, Strategy};

use crate::server::{Arguments, Server};
use crate::tree::{intensity, server_options, value};
use crate::world::{Address, World};

fn name(world: &World, name: &str) -> PartitionName<Server> {
    PartitionName::owned(world.registered(name))
}

/// Starts the one with these options, linked to the current process. It is known by `new` from then on.
pub(crate) async fn start_link(world: &World, new: &str, options: &[String]) -> Result<(), StartError> {
    let (child, own) = (value(options, "child").unwrap_or(new).to_owned(), world.clone());
    let make = move |number: usize| {
        let name = format!("{child}{number}");
        own.count_start(&name, true);
        let options = server_options(&own.spec(&name).unwrap_or_default());
        Server::start_link(Arguments { world: own.clone(), name, options })
    };
    let (restarts, period) = intensity(options);
    let supervisor = PartitionSupervisor::new(name(world, value(options, "as").unwrap_or(new)), make)
        .partitions(value(options, "partitions").and_then(|word| word.parse().ok()).unwrap_or(1))
        .intensity(restarts, period)
        .strategy(match value(options, "strategy") {
            Some("one_for_all") => Strategy::OneForAll,
            Some("rest_for_one") => Strategy::RestForOne,
            _ => Strategy::OneForOne,
        });
    let supervisor = supervisor.start_link().await?;
    world.bind(new, supervisor.pid(), Address::Supervisor(supervisor));
    Ok(())
}

/// `S:N`: what the number leads to.
pub(crate) fn partition(world: &World, word: &str) -> Result<Partition<Server>, String> {
    let parts =
        word.split_once(':').and_then(|(supervisor, number)| Some((supervisor, number.parse().ok()?)));
    let (supervisor, number) = parts.ok_or_else(|| format!("{word} is no partition"))?;
    Ok(name(world, supervisor).partition(number))
}
