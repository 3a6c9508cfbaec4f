//! Who is measured when.

use super::options::Options;

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Counted from 0.
    pub(super) round: u64,
    pub(super) workload: &'static str,
    pub(super) threads: u64,
    pub(super) peer: &'static str,
}

/// Round after round; in each, all peers one after the other on the same workload.
pub(super) fn schedule(options: &Options) -> impl Iterator<Item = Run> {
    (0..options.rounds).flat_map(move |round| {
        let peers = rotated(&options.peers, round);
        options.workloads.iter().flat_map(move |&workload| {
            let peers = peers.clone();
            options.threads.iter().flat_map(move |&threads| {
                peers.clone().into_iter().map(move |peer| Run { round, workload, threads, peer })
            })
        })
    })
}

/// The first of a round is the last of the next: who comes after whom changes nothing for long.
fn rotated(peers: &[&'static str], round: u64) -> Vec<&'static str> {
    let mut peers = peers.to_vec();
    if !peers.is_empty() {
        let by = round % peers.len() as u64;
        peers.rotate_left(usize::try_from(by).expect("less than the number of peers"));
    }
    peers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_rotated_each_round() {
        assert_eq!(rotated(&["a", "b", "c"], 0), ["a", "b", "c"]);
        assert_eq!(rotated(&["a", "b", "c"], 2), ["c", "a", "b"]);
        assert_eq!(rotated(&["a", "b", "c"], 4), ["b", "c", "a"]);
        assert!(rotated(&[], 1).is_empty());
    }

    #[test]
    fn all_peers_have_their_turn_before_the_next_workload() {
        let options = Options {
            workloads: vec!["call", "cast"],
            peers: vec!["otp", "raw"],
            threads: vec![1],
            rounds: 2,
            ..Options::default()
        };
        let order: Vec<_> = schedule(&options).map(|run| (run.round, run.workload, run.peer)).collect();
        let expected = [
            (0, "call", "otp"),
            (0, "call", "raw"),
            (0, "cast", "otp"),
            (0, "cast", "raw"),
            (1, "call", "raw"),
            (1, "call", "otp"),
            (1, "cast", "raw"),
            (1, "cast", "otp"),
        ];
        assert_eq!(order, expected);
    }
}
