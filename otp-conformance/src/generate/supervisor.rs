//! Scenarios of supervisors: a tree of children that start, fail, crash and stop in all ways, and the calls that manage
//! them.

use crate::draw::Draw;

pub(super) const REASONS: &[&str] = &["normal", "shutdown", "shutdown:late", "boom"];
/// What starts do, one after the other.
const STARTS: &[&str] =
    &["ok", "ok", "ok", "ok,ok,stop:boom,ok", "ok,ignore,ok", "ok,stop:boom", "ok,crash,ok"];

pub(super) fn steps(draw: &mut Draw) -> Vec<String> {
    let auto_shutdown = draw.one(&["never", "never", "never", "any_significant", "all_significant"]);
    let mut lines = Vec::new();
    let mut children: Vec<String> = (0..draw.between(2, 5)).map(|index| format!("c{index}")).collect();
    for child in &children {
        lines.push(format!("spec {child}{}", worker(draw, auto_shutdown)));
    }
    let mut workers = children.clone();
    let mut supervisors = vec!["s".to_owned()];
    if draw.percent(30) {
        let grandchildren = ["d0", "d1"];
        for child in grandchildren {
            lines.push(format!("spec {child}{}", worker(draw, "never")));
            workers.push(child.to_owned());
        }
        let options = flags(draw, "never");
        lines.push(format!("spec t type=supervisor{options} children={}", grandchildren.join(",")));
        children.push("t".to_owned());
        supervisors.push("t".to_owned());
    }
    // One that `start_child` may add.
    lines.push(format!("spec e{}", worker(draw, auto_shutdown)));
    lines.push("start a w\na trap on".to_owned());
    lines.push(format!("a supervisor_link s{} children={}", flags(draw, auto_shutdown), children.join(",")));
    children.push("e".to_owned());
    for _ in 0..draw.between(4, 12) {
        lines.push(step(draw, &children, &workers, &supervisors));
    }
    lines.push("w which_children s; count_children s".to_owned());
    if draw.percent(50) {
        lines.push(format!("w stop_supervisor s {}", draw.one(REASONS)));
    }
    lines
}

/// The options of a supervisor. Its period is longer than any scenario.
pub(super) fn flags(draw: &mut Draw, auto_shutdown: &str) -> String {
    let strategy = draw.one(&["one_for_one", "one_for_all", "rest_for_one"]);
    format!(" strategy={strategy} intensity={} period=600 auto_shutdown={auto_shutdown}", draw.between(0, 6))
}

pub(super) fn worker(draw: &mut Draw, auto_shutdown: &str) -> String {
    let restart = draw.one(&["permanent", "permanent", "transient", "temporary"]);
    let mut text = format!(" restart={restart} start={}", draw.one(STARTS));
    if draw.percent(20) {
        text += " shutdown=brutal_kill";
    }
    if auto_shutdown != "never" && restart != "permanent" && draw.percent(60) {
        text += " significant";
    }
    if draw.percent(70) {
        text += " trap";
    }
    if draw.percent(10) {
        text += draw.one(&[" terminate:crash", " terminate:exit:odd"]);
    }
    text
}

fn step(draw: &mut Draw, children: &[String], workers: &[String], supervisors: &[String]) -> String {
    let (worker, child) = (draw.name(workers), draw.name(children));
    match draw.below(100) {
        0..20 => format!("w cast {worker} stop:{}", draw.one(REASONS)),
        20..35 => format!("w cast {worker} crash"),
        35..50 => format!("w signal {worker} {}", draw.one(&["kill", "boom", "shutdown"])),
        50..62 => format!("w terminate_child s {child}"),
        62..74 => format!("w restart_child s {child}"),
        74..82 => format!("w delete_child s {child}"),
        82..92 => format!("w start_child s {child}"),
        _ => {
            let supervisor = draw.name(supervisors);
            format!("w which_children {supervisor}; count_children {supervisor}")
        }
    }
}
