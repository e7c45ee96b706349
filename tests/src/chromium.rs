//! Debian's Chromium without a window: what a page shows, says and asks for. Used by ignored tests alone.
//! What must hold: the page under test is opened as it is; only where its layout is measured, a copy of it has a script.

use crate::Error;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The colour scheme that a reader prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// A browser with a profile of its own.
pub struct Chromium {
    profile: tempfile::TempDir,
}

/// What a measuring script found of a page's layout.
#[derive(Debug)]
pub struct Layout {
    /// Width of the window.
    pub window: i64,
    /// Width of the whole document.
    pub document: i64,
    /// Elements that reach beyond the window, outside boxes that scroll.
    pub beyond: Vec<String>,
    /// Elements by name.
    pub elements: Value,
    /// The page's background, and its text's colour.
    pub colours: (String, String),
    /// What the document asked for besides itself.
    pub resources: i64,
}

impl Chromium {
    /// A browser.
    ///
    /// # Errors
    /// Where no directory can be made.
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            profile: tempfile::tempdir()?,
        })
    }

    fn run(
        &self,
        width: u32,
        height: u32,
        scheme: Scheme,
        more: &[&str],
        page: &Path,
    ) -> Result<Output, Error> {
        let preferred = match scheme {
            Scheme::Dark => 0,
            Scheme::Light => 1,
        };
        let profile = self.profile.path();
        let output = Command::new("chromium")
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
            ])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args([
                "--enable-logging=stderr",
                "--force-device-scale-factor=1",
                "--run-all-compositor-stages-before-draw",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--blink-settings=preferredColorScheme={preferred}"))
            .args(more)
            .arg(format!("file://{}", page.display()))
            .env("HOME", profile)
            .stdin(Stdio::null())
            .output()?;
        match output.status.success() {
            true => Ok(output),
            false => Err(format!("chromium failed: {}", String::from_utf8_lossy(&output.stderr)).into()),
        }
    }

    /// The page's own document after it was shown, and what its console said.
    ///
    /// # Errors
    /// Where the browser fails.
    pub fn shown(&self, page: &Path, scheme: Scheme) -> Result<(String, Vec<String>), Error> {
        let output = self.run(1280, 900, scheme, &["--dump-dom"], page)?;
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        let console = log.lines().filter(|line| line.contains("CONSOLE"));
        Ok((
            String::from_utf8_lossy(&output.stdout).into_owned(),
            console.map(str::to_owned).collect(),
        ))
    }

    /// A picture of the page as a PNG file.
    ///
    /// # Errors
    /// Where the browser fails.
    pub fn picture(
        &self,
        page: &Path,
        (width, height): (u32, u32),
        scheme: Scheme,
        into: &Path,
    ) -> Result<(), Error> {
        let shot = format!("--screenshot={}", into.display());
        self.run(width, height, scheme, &[&shot], page)?;
        match into.metadata().is_ok_and(|file| file.len() > 1_000) {
            true => Ok(()),
            false => Err("chromium made no picture".into()),
        }
    }

    /// The layout of a page in a frame of that width.
    ///
    /// # Errors
    /// Where the browser fails, or the script said nothing.
    pub fn layout(&self, page: &Path, width: u32, scheme: Scheme) -> Result<Layout, Error> {
        let measured = self.measured(page, width)?;
        let output = self.run(
            1400,
            900,
            scheme,
            &["--dump-dom", "--virtual-time-budget=2000"],
            &measured,
        )?;
        let dom = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = dom
            .split("<pre id=\"measured\">")
            .nth(1)
            .and_then(|rest| rest.split("</pre>").next())
            .ok_or_else(|| format!("nothing was measured: {dom}"))?;
        let found: Value = serde_json::from_str(
            &found
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&amp;", "&"),
        )?;
        let whole = |name: &str| found.get(name).and_then(Value::as_i64).unwrap_or(-1);
        let text = |name: &str| {
            found
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let beyond = found
            .get("beyond")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        Ok(Layout {
            window: whole("window"),
            document: whole("document"),
            beyond: beyond.iter().map(ToString::to_string).collect(),
            elements: found.get("elements").cloned().unwrap_or_default(),
            colours: (text("background"), text("colour")),
            resources: whole("resources"),
        })
    }

    /// A page that holds a copy of another in a frame of that width, which says what it finds. Windows are never so narrow as
    /// telephones are.
    fn measured(&self, page: &Path, width: u32) -> Result<PathBuf, Error> {
        let text = std::fs::read_to_string(page)?;
        // The copy's policy would not let the script run.
        let (before, rest) = text
            .split_once("<meta http-equiv=\"Content-Security-Policy\"")
            .ok_or("the page has no policy")?;
        let (_, after) = rest.split_once('>').ok_or("the page's policy does not end")?;
        let copy =
            format!("{before}{after}").replace("</body>", &format!("<script>{MEASURE}</script></body>"));
        let frame = format!(
            "<!doctype html><body style=\"margin:0\"><pre id=\"measured\"></pre><iframe width=\"{width}\" height=\"800\" \
             style=\"border:0\" srcdoc=\"{}\"></iframe>",
            copy.replace('&', "&amp;").replace('"', "&quot;")
        );
        let path = self.profile.path().join(format!("measured-{width}.html"));
        std::fs::write(&path, frame)?;
        Ok(path)
    }
}

const MEASURE: &str = "addEventListener('load', () => {
  const width = innerWidth, beyond = [], elements = {};
  for (const one of document.body.querySelectorAll('*')) {
    const name = one.tagName.toLowerCase();
    elements[name] = (elements[name] || 0) + 1;
    const box = one.getBoundingClientRect();
    const hidden = box.width === 0 || getComputedStyle(one).clipPath !== 'none' || name === 'script';
    if (!hidden && !one.closest('.scroll') && (box.right > width + 1 || box.left < -1))
      beyond.push(name + '.' + one.getAttribute('class') + ' ' + Math.round(box.left) + ' to ' + Math.round(box.right));
  }
  const style = getComputedStyle(document.body);
  parent.document.getElementById('measured').textContent = JSON.stringify({window: width,
    document: document.documentElement.scrollWidth, beyond, elements, background: style.backgroundColor, colour: style.color,
    resources: performance.getEntriesByType('resource').length});
});";
