//! Scenarios of dynamic supervisors: children that come and go, fail, crash and stop in all ways.

use super::supervisor::{REASONS, flags, worker};
use crate::draw::Draw;

pub(super) fn steps(draw: &mut Draw) -> Vec<String> {
    let mut lines = Vec::new();
    let mut children: Vec<String> = (0..draw.between(2, 5)).map(|index| format!("c{index}")).collect();
    for child in &children {
        lines.push(format!("spec {child}{}", worker(draw, "never")));
    }
    let mut workers = children.clone();
    // One only: what those below several do at their end has no order.
    if draw.percent(20) {
        lines.push(format!("spec d{}", worker(draw, "never")));
        workers.push("d".to_owned());
        lines.push(format!("spec t type=supervisor{} children=d", flags(draw, "never")));
        children.push("t".to_owned());
    }
    let mut options = format!(" intensity={} period=600", draw.between(0, 6));
    if draw.percent(50) {
        options += &format!(" max_children={}", draw.between(1, 6));
    }
    // Its parent is a process or a supervisor.
    if draw.percent(30) {
        lines.push(format!("spec s type=dynamic_supervisor{options}"));
        lines.push("start a w\na trap on\na supervisor_link r children=s".to_owned());
    } else {
        lines.push(format!("start a w\na trap on\na dynamic_supervisor_link s{options}"));
    }
    for child in &children {
        if draw.percent(80) {
            lines.push(format!("w start_child s {child}"));
        }
    }
    for _ in 0..draw.between(4, 12) {
        lines.push(step(draw, &children, &workers));
    }
    lines.push("w which_children s; count_children s".to_owned());
    if draw.percent(50) {
        lines.push(format!("w stop_supervisor s {}", draw.one(REASONS)));
    }
    lines
}

fn step(draw: &mut Draw, children: &[String], workers: &[String]) -> String {
    let (worker, child) = (draw.name(workers), draw.name(children));
    match draw.below(100) {
        0..20 => format!("w cast {worker} stop:{}", draw.one(REASONS)),
        20..35 => format!("w cast {worker} crash"),
        35..50 => format!("w signal {worker} {}", draw.one(&["kill", "boom", "shutdown"])),
        50..65 => format!("w terminate_child s {child}"),
        65..90 => format!("w start_child s {child}"),
        _ => "w which_children s; count_children s".to_owned(),
    }
}
