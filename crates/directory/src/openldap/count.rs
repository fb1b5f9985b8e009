//! How many entries an import will give: for whoever waits for it, and wants to know how long.

use super::{OpenLdap, refusal};
use crate::error::DirectoryError;
use crate::ldap::Control;

impl OpenLdap {
    /// Counts what [`OpenLdap::users`] and [`OpenLdap::content`] give of everything, on a connection of its own: nothing of the entries is
    /// read but that they are there (`1.1`, RFC 4511 section 4.5.1.8). What comes or goes meanwhile may be counted or not.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn count(&self) -> Result<u64, DirectoryError> {
        let mut connection = self.connect().await?;
        let mut all = 0;
        for part in self.parts() {
            let mut search = part.search(&[]);
            search.attributes = vec!["1.1".to_owned()];
            let mut cookie = Vec::new();
            loop {
                let control = Control::paged(i32::from(self.inner.config.page), &cookie);
                let page = connection.search(&search, &[control], self.timeout() * 6).await;
                let page = page.map_err(|error| refusal::read(&error))?;
                all += page.entries.len() as u64;
                cookie = page.cookie;
                if cookie.is_empty() {
                    break;
                }
            }
        }
        connection.close().await;
        Ok(all)
    }
}
