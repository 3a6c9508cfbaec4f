//! The page at `/`: how each server is, a button to kill it, and what to try.

use std::fmt::Write;
use std::time::Duration;

use otp::{CallError, DynamicSupervisorClient, process};
use serde::Serialize;

use super::App;
use super::processes::status;
use crate::cache::{CACHE, CacheClient};
use crate::config_cache;
use crate::limiter::{LIMITER, LimiterClient};
use crate::report::{REPORTER, ReporterClient};
use crate::rooms::ROOMS;
use crate::tree::{REPORTS, Server};

/// How long the page waits for a server's counters.
const GLANCE: Duration = Duration::from_millis(500);

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>my-app</title>
<meta name="viewport" content="width=device-width">
<noscript><meta http-equiv="refresh" content="2"></noscript>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #ccc }
td { font-variant-numeric: tabular-nums }
form { margin: 0 }
.alive { color: #17692c } .dead { color: #b00020; font-weight: bold }
pre { background: #f4f4f4; padding: 1rem; overflow-x: auto }
</style></head><body>
<h1>my-app</h1>
<p>A supervision tree of <em>OTP for Rust</em>: each of these is a process with its own state. Kill one and see it come back
with another pid, while its callers get a 503 that says what happened, at once, and never a request that hangs.</p>
<form method=post action="/chaos"><button>kill any</button></form>
<table><thead><tr><th>server</th><th>pid</th><th></th><th>status</th><th>mailbox</th><th>handled</th><th>counters</th>
<th></th></tr></thead><tbody id="servers">
"#;

const SCRIPT: &str = r"<script>
const servers = document.getElementById('servers');
setInterval(async () => {
  try {
    const page = new DOMParser().parseFromString(await (await fetch('/')).text(), 'text/html');
    servers.innerHTML = page.getElementById('servers').innerHTML;
  } catch { servers.innerHTML = '<tr><td colspan=8 class=dead>the service does not answer'; }
}, 1000);
</script>
";

/// The whole page. It asks each server for its counters; one that does not answer is shown without.
pub(super) async fn render(app: &App) -> String {
    let mut html = HEAD.to_owned();
    for server in Server::ALL {
        html += &row(server, &counters(server, app).await).await;
    }
    html += "</tbody></table>\n<p>A server that is started again has an empty state: what must survive belongs into a \
             database.</p>\n<h2>Try</h2>\n<pre>";
    html += &escape(&commands(&app.url));
    html += "</pre>\n<p>A room, live: <a href=\"/rooms/lobby\">/rooms/lobby</a>, and any other name.</p>\n<p>All processes as JSON: <a href=\"/info\">/info</a></p>\n";
    html + SCRIPT + "</body></html>\n"
}

/// What to paste into a shell.
pub(crate) fn commands(url: &str) -> String {
    format!(
        "curl -X PUT '{url}/cache/color?ttl_ms=30000' -d blue
curl {url}/cache/color
curl -X DELETE {url}/cache/color
for i in $(seq 12); do curl -s -o /dev/null -w '%{{http_code}} ' -H 'x-client: me' {url}/cache/greeting; done; echo
curl {url}/mail/ann -d hello; curl {url}/mail    # sent when it is
curl {url}/check            # a few pages at a time
curl {url}/report            # takes its time; the reporter does not
curl -X POST {url}/kill/cache   # its supervisor starts it again
curl -i {url}/cache/greeting
curl -X POST {url}/chaos        # kills any of them
curl {url}/rooms/lobby/events & curl {url}/rooms/lobby -d hello; kill %1
curl -X PUT {url}/config/maintenance -d on; curl {url}/config
curl {url}/info
"
    )
}

/// A server's counters as text, or why there are none.
async fn counters(server: Server, app: &App) -> String {
    let counters = match server {
        Server::Cache => CACHE.stats().timeout(GLANCE).await.map(|stats| list(&stats)),
        Server::Config => {
            Ok(config_cache::all().map_or_else(|_| String::new(), |all| format!("settings: {}", all.len())))
        }
        Server::Limiter => LIMITER.stats().timeout(GLANCE).await.map(|stats| list(&stats)),
        Server::Reporter => REPORTER.stats().timeout(GLANCE).await.map(|stats| list(&stats)),
        Server::Mail => Ok(format!("sent: {}", app.outbox.sent().len())),
        Server::Reports => match tokio::time::timeout(GLANCE, REPORTS.count_children()).await {
            Ok(counts) => counts.map(|counts| format!("active {}", counts.active)),
            Err(_elapsed) => Err(CallError::Timeout),
        },
        Server::Rooms => match tokio::time::timeout(GLANCE, ROOMS.count_children()).await {
            Ok(counts) => counts.map(|counts| format!("active {}", counts.active)),
            Err(_elapsed) => Err(CallError::Timeout),
        },
        Server::Registry => {
            Ok(app.rooms.registry.count().map_or_else(|_| "–".to_owned(), |count| format!("keys {count}")))
        }
        Server::Bus => Ok(String::new()),
        Server::Web => Ok("this page".to_owned()),
    };
    match counters {
        Ok(counters) => counters,
        Err(CallError::NoProc) => "–".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// `entries 3, hits 1`: the fields of a struct of numbers.
fn list(stats: &impl Serialize) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(stats) else { return String::new() };
    fields.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

async fn row(server: Server, counters: &str) -> String {
    let mut html = String::new();
    let info = server.pid().await.and_then(process::info);
    let cells = match info {
        Some(info) => {
            let (status, mailbox, handled) = (status(info.status), info.mailbox_len, info.messages_handled);
            let pid = escape(&info.pid.to_string());
            format!(
                "<td>{pid}</td><td class=alive>alive</td><td>{status}</td><td>{mailbox}</td><td>{handled}</td>"
            )
        }
        None => "<td>–</td><td class=dead>dead</td><td>–</td><td>–</td><td>–</td>".to_owned(),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        html,
        "<tr><td>{server}</td>{cells}<td>{}</td><td><form method=post action=\"/kill/{server}\">\
         <button>kill</button></form></td></tr>",
        escape(counters)
    );
    html
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
