//! Addresses outside loopback: a test runs again by itself in a network namespace where every address is this machine and
//! names are answered by the test.
//! What must hold: nothing leaves the machine; where no namespace can be made the test says so, and fails under `CI=true`.

use crate::Error;
use rustix::{
    io::Errno,
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, sendto, socket_with},
};
use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

/// Tells the test that it is inside.
const INSIDE: &str = "FINOPS_TEST_NAMESPACE";
/// The system's resolver also tries names below this one, unless they are fully qualified.
pub const SEARCHED: &str = "searched.test";
/// Puts files of the test over the system's before the test program starts.
const SCRIPT: &str = "set -e
for file in hosts resolv.conf nsswitch.conf; do
  if [ -e /etc/$file ]; then mount --bind \"$1/$file\" /etc/$file; fi
done
shift
exec \"$@\"";

/// Where a test goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// In the namespace: the test does its work.
    Inside,
    /// Outside: the test was done inside, or cannot be done here. Nothing is left to do.
    Outside,
}

/// Enters a namespace with the test of this name, as `cargo test` shows it.
///
/// # Errors
/// Where the test failed inside, or under `CI=true` where there can be no namespace.
pub fn enter(test: &str) -> Result<Side, Error> {
    if std::env::var_os(INSIDE).is_some() {
        make_all_addresses_local()?;
        return Ok(Side::Inside);
    }
    let Some(flags) = possible() else {
        let message = format!("{test}: not done, since no network namespace can be made here");
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            return Err(message.into());
        }
        writeln!(std::io::stdout(), "{message}")?;
        return Ok(Side::Outside);
    };
    // Built before, since inside nothing can be fetched.
    crate::program::program()?;
    crate::artifacts::guest("hostile")?;
    let files = tempfile::tempdir()?;
    std::fs::write(files.path().join("hosts"), "")?;
    std::fs::write(
        files.path().join("resolv.conf"),
        format!("nameserver 127.0.0.1\nsearch {SEARCHED}\noptions timeout:2 attempts:1\n"),
    )?;
    std::fs::write(
        files.path().join("nsswitch.conf"),
        "passwd: files\ngroup: files\nhosts: files dns\n",
    )?;
    let output = Command::new("unshare")
        .args(flags)
        .args(["sh", "-c", SCRIPT, "sh"])
        .arg(files.path())
        .arg(std::env::current_exe()?)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()?;
    let said = said(&output);
    // A name that no test has would succeed, too.
    if output.status.success() && said.contains("test result: ok. 1 passed") {
        return Ok(Side::Outside);
    }
    Err(format!(
        "{test} failed in its network namespace ({}):\n{said}",
        output.status
    )
    .into())
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

/// How a namespace can be made, as root or in a user namespace.
fn possible() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [
        &["--net", "--mount"],
        &["--net", "--mount", "--user", "--map-root-user"],
    ];
    ways.into_iter().find(|flags| {
        Command::new("unshare")
            .args(*flags)
            .args(["sh", "-c", "mount --bind /proc /proc"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// Brings `lo` up and routes every address of both families to it as the machine's own (Linux calls it AnyIP).
fn make_all_addresses_local() -> Result<(), Error> {
    // linux/if_link.h and linux/rtnetlink.h; a new namespace's loopback has index 1.
    const NEW_LINK: u16 = 16;
    const NEW_ROUTE: u16 = 24;
    const LOOPBACK: u32 = 1;
    const UP: u32 = 1;
    const LOCAL_TABLE: u8 = 255;
    const BY_ADMINISTRATOR: u8 = 4;
    const SCOPE_HOST: u8 = 254;
    const TYPE_LOCAL: u8 = 2;
    const OUTPUT_INTERFACE: u16 = 4;

    let mut link = vec![0_u8; 4];
    for word in [LOOPBACK, UP, UP] {
        link.extend_from_slice(&word.to_ne_bytes());
    }
    ask_kernel(NEW_LINK, &link)?;
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        let family = u8::try_from(family.as_raw())?;
        let (prefix, source, service) = (0, 0, 0);
        let mut route = vec![
            family,
            prefix,
            source,
            service,
            LOCAL_TABLE,
            BY_ADMINISTRATOR,
            SCOPE_HOST,
            TYPE_LOCAL,
        ];
        route.extend_from_slice(&0_u32.to_ne_bytes());
        route.extend_from_slice(&8_u16.to_ne_bytes());
        route.extend_from_slice(&OUTPUT_INTERFACE.to_ne_bytes());
        route.extend_from_slice(&LOOPBACK.to_ne_bytes());
        ask_kernel(NEW_ROUTE, &route)?;
    }
    Ok(())
}

/// One request over netlink; its acknowledgement says whether it was done.
fn ask_kernel(kind: u16, content: &[u8]) -> Result<(), Error> {
    const REQUEST_ACKNOWLEDGED_CREATE: u16 = 1 | 4 | 0x400;
    const HEADER: usize = 16;
    let length = u32::try_from(HEADER + content.len())?;
    let mut message = length.to_ne_bytes().to_vec();
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&REQUEST_ACKNOWLEDGED_CREATE.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(content);
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None, // which is that of routes
    )?;
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    sendto(&socket, &message, SendFlags::empty(), &kernel)?;
    let mut answer = [0_u8; 4096];
    recv(&socket, answer.as_mut_slice(), RecvFlags::empty())?;
    let (_, error) = answer.split_at(HEADER);
    let error = error.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    match error {
        0 => Ok(()),
        error => Err(format!(
            "request {kind} to the kernel: {}",
            Errno::from_raw_os_error(-error)
        )
        .into()),
    }
}
