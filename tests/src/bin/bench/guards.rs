//! What the limits of a store cost a guest that only computes: interruption, metering, the memory limiter.

use crate::{
    figure::{COMPUTE_GUARDED, COMPUTE_UNGUARDED, Samples},
    sandboxed,
    setting::Setting,
};
use finops_host::{
    component::ComponentFile,
    sandbox::Runtime,
    schedule::{Asked, Prepared},
};
use finops_tests::Error;

/// The same guest for two runtimes.
pub(crate) struct Computing {
    guarded: Prepared,
    unguarded: (Runtime, Prepared),
}

impl Computing {
    /// Compiles it for both.
    pub(crate) async fn new(setting: &Setting, runtime: &Runtime) -> Result<Self, Error> {
        let guest = &setting.arguments.guest;
        let guarded = sandboxed::prepared(setting, runtime, guest, &setting.compute()).await?;
        let mut other = sandboxed::prepared(setting, runtime, guest, &setting.compute()).await?;
        let unguarded = Runtime::unguarded()?;
        other.component = unguarded.compile(&ComponentFile::read(guest, None)?)?;
        Ok(Self {
            guarded,
            unguarded: (unguarded, other),
        })
    }

    /// One round.
    pub(crate) async fn measure(
        &self,
        setting: &Setting,
        runtime: &Runtime,
        samples: &mut Samples,
    ) -> Result<(), Error> {
        let (other, prepared) = &self.unguarded;
        let on = sandboxed::run(setting, runtime, &self.guarded, Asked::Everything).await?;
        let off = sandboxed::run(setting, other, prepared, Asked::Everything).await?;
        samples.add(&COMPUTE_GUARDED, on.spent.cpu);
        samples.add(&COMPUTE_UNGUARDED, off.spent.cpu);
        Ok(())
    }
}
