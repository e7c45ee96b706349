//! Books of a data platform, a warehouse and a service together, for tests of what is asked of books.

use crate::{
    Error, databricks, openai,
    program::{NOW, Place},
    proof::assert_done,
    stage::Stage,
};

/// A place whose books hold three providers, one of them in two currencies.
///
/// # Errors
/// Where a simulator cannot start.
pub async fn place() -> Result<Place, Error> {
    let place = Place::new()?;
    let into = place.state();
    let into = into.to_str().ok_or("the state directory's name is no text")?;
    let warehouse = Stage::new("", "").await?;
    assert_done(&warehouse.collect_with(&["--since", "2026-06-01", "--state-dir", into])?);
    let platform = databricks::stage::at(NOW, databricks::Options::default(), "").await?;
    assert_done(&platform.collect(&["--state-dir", into])?);
    let service = openai::stage::stage(openai::Options::default(), "", "").await?;
    assert_done(&service.collect(&["--state-dir", into])?);
    Ok(place)
}
