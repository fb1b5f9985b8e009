//! How many objects an import will give: for whoever waits for it, and wants to know how long.

use crate::error::DirectoryError;
use crate::forest::Directory;
use crate::ldap::{Connection, Control, Filter, Scope, Search};
use crate::operations::Pages;
use crate::operations::members::groups;
use crate::operations::users::people;

impl Directory {
    /// Counts what [`Directory::users`] gives, on a connection of its own: nothing of the objects is read but that they are there (`1.1`,
    /// RFC 4511 section 4.5.1.8). What comes or goes meanwhile may be counted or not.
    ///
    /// # Errors
    /// What kept us from reading.
    pub async fn count(&self) -> Result<u64, DirectoryError> {
        let (mut connection, source) = self.connect_for_reading().await?;
        let config = &self.inner.config;
        let mut all = 0;
        for base in &config.groups {
            all += self.counted(&mut connection, base, groups()).await?;
        }
        let bases = match config.scope.as_slice() {
            [] => std::slice::from_ref(&source.domain),
            scope => scope,
        };
        for base in bases {
            all += self.counted(&mut connection, base, people()).await?;
        }
        connection.close().await;
        Ok(all)
    }

    /// What matches below `base`.
    async fn counted(
        &self,
        connection: &mut Connection,
        base: &str,
        filter: Filter,
    ) -> Result<u64, DirectoryError> {
        let search = Search {
            base: base.to_owned(),
            scope: Scope::Subtree,
            filter,
            attributes: vec!["1.1".to_owned()],
        };
        let (mut pages, mut cookie, mut all) = (Pages::default(), Vec::new(), 0);
        loop {
            let control = Control::paged(i32::from(self.inner.config.page), &cookie);
            let page = connection.search(&search, &[control], self.inner.config.timeout * 6).await;
            let page = page.map_err(|error| DirectoryError::read(&error))?;
            pages.count(connection.host(), &page)?;
            all += page.entries.len() as u64;
            cookie = page.cookie;
            if cookie.is_empty() {
                return Ok(all);
            }
        }
    }
}
