//! stub
#![allow(missing_docs)]
use crate::config::{ConfigError, Difference, Plugins};
pub struct Settings;
pub struct Changed {
    pub plugins: Plugins,
    pub difference: Difference,
}
impl Settings {
    pub async fn changed(&mut self) -> Changed {
        std::future::pending().await
    }
    pub fn reload(&mut self) -> Result<Changed, ConfigError> {
        loop {}
    }
}
