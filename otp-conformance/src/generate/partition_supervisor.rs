//! Scenarios of partition supervisors: partitions that die in all ways, and requests that go by number.

use super::supervisor::REASONS;
use crate::draw::Draw;

pub(super) fn steps(draw: &mut Draw) -> Vec<String> {
    let partitions = draw.between(1, 4);
    let mut lines: Vec<String> = (0..partitions)
        .map(|number| format!("spec p{number}{}", if draw.percent(50) { " trap" } else { "" }))
        .collect();
    let strategy = draw.one(&["one_for_one", "one_for_one", "one_for_all", "rest_for_one"]);
    let intensity = draw.between(0, 6);
    lines.push("start a w".to_owned());
    lines.push("a trap on".to_owned());
    lines.push(format!(
        "a partition_supervisor_link s child=p partitions={partitions} strategy={strategy} intensity={intensity} period=600"
    ));
    for _ in 0..draw.between(4, 12) {
        lines.push(step(draw, partitions));
    }
    lines.push("w which_children s; count_children s".to_owned());
    if draw.percent(50) {
        lines.push(format!("w stop_supervisor s {}; call part:s:0 count", draw.one(REASONS)));
    }
    lines
}

fn step(draw: &mut Draw, partitions: usize) -> String {
    let (number, partition) = (draw.below(20), draw.below(partitions));
    match draw.below(100) {
        0..40 => format!("w call part:s:{number} add:{number} count"),
        40..55 => format!("w cast part:s:{number} crash"),
        55..70 => format!("w cast part:s:{number} stop:{}", draw.one(REASONS)),
        70..85 => format!("w signal p{partition} {}", draw.one(&["kill", "boom", "shutdown"])),
        _ => "w which_children s; count_children s".to_owned(),
    }
}
