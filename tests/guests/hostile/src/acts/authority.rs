//! Authority that was never given: the process, files, sockets, secrets, and what belongs to another instance.

use super::{Ended, Scene};
use finops_collector::{Failure, Outcome, PartitionWriter, Seal};
use std::{
    io::Read,
    net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket},
};

pub(crate) fn perform(scene: &Scene<'_>) -> Ended {
    let looked = match scene.settings.act.as_str() {
        "environment" => environment(),
        "files" => files(),
        "sockets" => sockets(),
        "stdin" => stdin(),
        "exit" => std::process::exit(scene.settings.count as i32),
        "reveal" => return Some(reveal(scene)),
        "look-around" => return Some(look_around(scene)),
        "leave-checkpoint" => return Some(leave_checkpoint(scene)),
        _ => return None,
    };
    // What was found is a failure of the sandbox; nothing found is well.
    Some(match looked {
        found if found.is_empty() => Ok(Outcome::done()),
        found => Err(Failure::internal(format!(
            "the sandbox leaks: {}",
            found.join(", ")
        ))),
    })
}

fn environment() -> Vec<String> {
    let variables = std::env::vars_os().map(|(name, _)| format!("variable {name:?}"));
    let arguments = std::env::args_os().map(|argument| format!("argument {argument:?}"));
    let home = std::env::home_dir().map(|home| format!("home {home:?}"));
    variables.chain(arguments).chain(home).collect()
}

/// Every way of a program to files, and the places where secrets lie.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    for path in [
        ".",
        "..",
        "/",
        "/proc/self/environ",
        "/proc/self/fd/0",
        "/proc/1/root",
        "/etc/passwd",
        "/dev/urandom",
        "token",
        "state/ledger.db",
        "../../../../../../etc/passwd",
    ] {
        if std::fs::read(path).is_ok() || std::fs::read_dir(path).is_ok() || std::fs::metadata(path).is_ok() {
            found.push(format!("read {path}"));
        }
    }
    for path in ["written", "/tmp/written", "/dev/stdout", "/proc/self/mem"] {
        if std::fs::write(path, b"w").is_ok() || std::fs::create_dir(path).is_ok() {
            found.push(format!("wrote {path}"));
        }
    }
    if std::fs::rename("token", "elsewhere").is_ok() || std::fs::remove_file("token").is_ok() {
        found.push("moved or removed a file".to_owned());
    }
    if let Ok(here) = std::env::current_dir()
        && std::fs::read_dir(&here).is_ok()
    {
        found.push(format!("lies in {here:?}"));
    }
    found
}

fn sockets() -> Vec<String> {
    let mut found = Vec::new();
    for address in ["127.0.0.1:1", "[::1]:1", "169.254.169.254:80", "0.0.0.0:0"] {
        // Refused by the other side would mean that there is a way to it.
        if let Err(error) = TcpStream::connect(address)
            && error.kind() == std::io::ErrorKind::ConnectionRefused
        {
            found.push(format!("reached {address}"));
        }
        if TcpStream::connect(address).is_ok() {
            found.push(format!("connected to {address}"));
        }
    }
    if TcpListener::bind("127.0.0.1:0").is_ok() {
        found.push("listens".to_owned());
    }
    if let Ok(socket) = UdpSocket::bind("127.0.0.1:0") {
        found.push("has an UDP socket".to_owned());
        if socket.send_to(b"x", "127.0.0.1:53").is_ok() {
            found.push("sent a datagram".to_owned());
        }
    }
    for name in ["localhost", "metadata.google.internal", "example.com"] {
        if (name, 80).to_socket_addrs().is_ok() {
            found.push(format!("resolved {name}"));
        }
    }
    found
}

fn stdin() -> Vec<String> {
    let mut text = Vec::new();
    match std::io::stdin().read_to_end(&mut text) {
        Ok(0) => Vec::new(),
        Ok(bytes) => vec![format!("read {bytes} bytes of standard input")],
        Err(_) => Vec::new(),
    }
}

/// Asks for the secret of the credential that `text` names, and says it aloud.
fn reveal(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let secret = scene.host.reveal(&scene.settings.text)?;
    scene.host.info(&secret);
    Ok(Outcome::done().note(secret))
}

/// Says what the host hands over of partitions and checkpoints.
fn look_around(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let mut seen = Vec::new();
    for stream in &scene.request.streams {
        for partition in &stream.committed {
            seen.push(format!("partition {}", partition.source.billing_account));
        }
        for checkpoint in &stream.checkpoints {
            let value = String::from_utf8_lossy(&checkpoint.value);
            seen.push(format!(
                "checkpoint {} {value}",
                checkpoint.source.billing_account
            ));
        }
    }
    Ok(Outcome::done().note(seen.join("; ")))
}

/// Commits with `text` as the checkpoint.
fn leave_checkpoint(scene: &Scene<'_>) -> Result<Outcome, Failure> {
    let period = scene.day(0);
    let mut writer = PartitionWriter::open(scene.host, "spend", &scene.source(), &[period.start])?;
    writer.write(scene.record(period, scene.amount()?))?;
    let checkpoint = scene.settings.text.clone().into_bytes();
    let seal = Seal::complete(scene.request.now).checkpoint(Some(checkpoint));
    finops_collector::commit(scene.host, vec![writer.seal(&seal)?])?;
    Ok(Outcome::done())
}
