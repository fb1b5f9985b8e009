//! Kerberos by the system's GSSAPI library (MIT krb5), which a client reaches through its own configuration file: it names no
//! key distribution centre but the domain controllers that credentials may be sent to anyway, and asks DNS for none.
//!
//! The library reads `KRB5_CONFIG` from the environment, so there is one [`Kerberos`] in a process, and the program has to be started
//! with [`Kerberos::environment`].

mod proof;
mod settings;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libgssapi::context::{ClientCtx, CtxFlags, SecurityContext as _};
use libgssapi::credential::{Cred, CredUsage};
use libgssapi::error::{Error as GssError, MajorFlags};
use libgssapi::name::Name;
use libgssapi::oid::{GSS_MECH_KRB5, GSS_NT_KRB5_PRINCIPAL, OidSet};
use ritorno_protocol::ids::Forest;
use ritorno_protocol::secret::Password;
use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use settings::{Centre, text};

/// The variable that names the configuration file.
const VARIABLE: &str = "KRB5_CONFIG";
/// Calls into the library at once for a realm: each may wait for a controller that keeps silent, in a thread that others need too. The
/// runtime has to have so many for each realm, and some for others.
pub const KERBEROS_THREADS: usize = 2;
/// Controllers that are remembered as key distribution centres of a realm.
const CENTRES: usize = 8;
/// The library looks at its file once a second, so that a change may be overlooked for as long.
const LOOKS_AGAIN_AFTER: Duration = Duration::from_millis(1_100);
/// `ERROR_TABLE_BASE_krb5` of MIT krb5; the protocol's codes (RFC 4120 section 7.5.9) are counted from it.
const BASE: i32 = -1_765_328_384;

/// Why Kerberos did not let us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KerberosFault {
    /// The password, or the key in the keytab, is wrong: each try counts at the directory.
    WrongPassword,
    /// The realm has no such account.
    UnknownAccount,
    /// The realm has no such service: the host is no controller of it, or has another name.
    UnknownService,
    /// The password has expired, or has to be changed.
    PasswordExpired,
    /// The account is disabled, locked or expired.
    Revoked,
    /// The clocks differ by more than five minutes.
    ClockSkew,
    /// No encryption in common: the account or the controller has no AES key.
    NoCipher,
    /// No key distribution centre gives a ticket, and the controller itself does not answer either.
    Unreachable,
    /// No key distribution centre gives a ticket in time, although the controller answers.
    NoTicket,
    /// The agent itself had no turn in time, with other sign-ins before this one: it says nothing of the controller.
    Busy,
    /// There is no keytab, or it has no key of the account.
    NoKey,
    /// The controller's answer proves nothing, or asks for what is no sealed connection.
    NotTrusted,
    /// Something else.
    Other,
}

/// A refusal with the library's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub struct KerberosError {
    /// What it is.
    pub fault: KerberosFault,
    /// In words, for operators.
    pub words: String,
}

impl KerberosError {
    pub(crate) fn new(fault: KerberosFault, words: impl Into<String>) -> Self {
        Self { fault, words: words.into() }
    }
}

impl From<GssError> for KerberosError {
    fn from(error: GssError) -> Self {
        // The codes of RFC 4120 section 7.5.9, and MIT's own from 128.
        let fault = match i64::from(error.minor.cast_signed()) - i64::from(BASE) {
            24 | 31 => KerberosFault::WrongPassword,
            6 => KerberosFault::UnknownAccount,
            7 => KerberosFault::UnknownService,
            23 => KerberosFault::PasswordExpired,
            18 => KerberosFault::Revoked,
            37 => KerberosFault::ClockSkew,
            14 => KerberosFault::NoCipher,
            // KRB5_REALM_UNKNOWN, KRB5_KDC_UNREACH, KRB5_REALM_CANT_RESOLVE
            154 | 156 | 220 => KerberosFault::Unreachable,
            // KRB5_KT_NOTFOUND
            181 => KerberosFault::NoKey,
            _ if error.major.contains(MajorFlags::GSS_S_NO_CRED) => KerberosFault::NoKey,
            _ => KerberosFault::Other,
        };
        Self { fault, words: error.to_string().trim().to_owned() }
    }
}

/// What proves who we are.
#[derive(Clone)]
pub(crate) enum Proof {
    /// The account's password.
    Password(Password),
    /// The account's key in the keytab that [`Kerberos`] was made with.
    Keytab,
}

/// Whom we prove ourselves to.
pub(crate) struct Service {
    /// `ldap/host@REALM`.
    pub(crate) principal: String,
    /// Where it is; it is the key distribution centre that is asked first, too.
    pub(crate) address: IpAddr,
}

/// The process's Kerberos client. Cheap to clone.
#[derive(Clone)]
pub struct Kerberos(Arc<Inner>);

impl std::fmt::Debug for Kerberos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kerberos").field("file", &self.0.file).finish_non_exhaustive()
    }
}

struct Inner {
    file: PathBuf,
    /// Where the library keeps the tickets that it gets by a keytab.
    tickets: PathBuf,
    keytab: Option<PathBuf>,
    /// Held while tickets are got by a keytab.
    by_keytab: Arc<tokio::sync::Mutex<()>>,
    realms: Mutex<BTreeMap<String, Vec<Centre>>>,
    turns: Mutex<BTreeMap<String, Turns>>,
}

/// Who may do what at once in one realm.
#[derive(Clone)]
struct Turns {
    calls: Arc<Semaphore>,
    /// Held for writing while a person's password is tried, which must be asked of one centre alone.
    one_centre: Arc<tokio::sync::RwLock<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { calls: Arc::new(Semaphore::new(KERBEROS_THREADS)), one_centre: Arc::default() }
    }
}

impl Kerberos {
    /// Keeps its configuration in `folder`, which is this process's own and is made if it is missing, with mode 0700. `keytab` holds the keys of all accounts that
    /// sign in by one.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn new(folder: &Path, keytab: Option<PathBuf>) -> std::io::Result<Self> {
        let (file, tickets) = (folder.join("krb5.conf"), folder.join("tickets"));
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&tickets)?;
        let (by_keytab, realms, turns) = Default::default();
        let inner = Inner { file, tickets, keytab, by_keytab, realms, turns };
        inner.write(&BTreeMap::new())?;
        Ok(Self(Arc::new(inner)))
    }

    /// What has to be in the program's environment from its start.
    pub fn environment(&self) -> (&'static str, &Path) {
        (VARIABLE, &self.0.file)
    }

    /// Whether the program was started with that environment.
    pub fn is_in_force(&self) -> bool {
        std::env::var_os(VARIABLE).is_some_and(|value| value == self.0.file.as_os_str())
    }

    /// Takes a controller's address as a key distribution centre of its realm, and returns once the library knows it, whoever told it
    /// first.
    ///
    /// # Errors
    /// When the configuration can't be written.
    async fn learn(&self, realm: &str, address: IpAddr) -> Result<(), KerberosError> {
        let told = |centres: &[Centre]| centres.iter().find(|centre| centre.address == address).copied();
        self.tell(realm, address, told, |centres, centre| {
            centres.insert(0, centre);
            centres.truncate(CENTRES);
        })
        .await
    }

    /// The same, and forgets the others: whoever else is signed in to is learned again.
    async fn learn_alone(&self, realm: &str, address: IpAddr) -> Result<(), KerberosError> {
        let told = |centres: &[Centre]| match centres {
            [centre] if centre.address == address => Some(*centre),
            _ => None,
        };
        self.tell(realm, address, told, |centres, centre| *centres = vec![centre]).await
    }

    async fn tell(
        &self,
        realm: &str,
        address: IpAddr,
        told: impl Fn(&[Centre]) -> Option<Centre>,
        change: impl FnOnce(&mut Vec<Centre>, Centre),
    ) -> Result<(), KerberosError> {
        let known_from = {
            // The lock guards plain values and no code that panics: a poisoned one is as good.
            let mut known = self.0.realms.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(realm).and_then(|centres| told(centres)) {
                Some(centre) => centre.known_from,
                None => {
                    let mut realms = known.clone();
                    // As long as it knows of none, the library has not looked.
                    let wait = if realms.is_empty() { Duration::ZERO } else { LOOKS_AGAIN_AFTER };
                    let known_from = Instant::now() + wait;
                    change(realms.entry(realm.to_owned()).or_default(), Centre { address, known_from });
                    self.0.write(&realms).map_err(|error| {
                        let words = format!("{} can't be written: {error}", self.0.file.display());
                        KerberosError::new(KerberosFault::Other, words)
                    })?;
                    *known = realms;
                    known_from
                }
            }
        };
        sleep_until(known_from).await;
        Ok(())
    }

    /// Begins to prove to `service` that we are `account` (`name@REALM`), with tickets that are got anew; and what
    /// the service is to be sent.
    ///
    /// # Errors
    /// [`KerberosError`]: [`KerberosFault::Busy`] when its turn does not come within `limit`, [`KerberosFault::NoTicket`] when the library
    /// comes to no end.
    pub(crate) async fn begin(
        &self,
        account: String,
        proof: Proof,
        service: Service,
        sealed: bool,
        binding: Option<Vec<u8>>,
        limit: Duration,
    ) -> Result<(Context, Option<Vec<u8>>), KerberosError> {
        let inner = Arc::clone(&self.0);
        let realm = realm_of(&account).to_owned();
        let turns = self.turns(&realm);
        let shared = timeout_at(Instant::now() + limit, turns.one_centre.read()).await;
        let _shared = shared.map_err(|_| busy())?;
        // What this takes is ours and not the controller's.
        self.learn(&realm, service.address).await?;
        let deadline = Instant::now() + limit;
        let turn = self.turn_of(&proof, deadline).await?;
        self.call(&realm, deadline, move || {
            // Kept until the library is done, even if nobody waits for it any more.
            let _turn = turn;
            let name = Name::new(account.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL))?;
            let target = Name::new(service.principal.as_bytes(), Some(GSS_NT_KRB5_PRINCIPAL))?;
            let (mut set, usage) = (OidSet::new(), CredUsage::Initiate);
            set.add(GSS_MECH_KRB5)?;
            let mut flags = CtxFlags::GSS_C_MUTUAL_FLAG | CtxFlags::GSS_C_SEQUENCE_FLAG;
            if sealed {
                flags |= CtxFlags::GSS_C_CONF_FLAG | CtxFlags::GSS_C_INTEG_FLAG | CtxFlags::GSS_C_REPLAY_FLAG;
            }
            let credential = match &proof {
                // Kept in memory, and only there.
                Proof::Password(password) => {
                    Cred::acquire_with_password(Some(&name), password.expose(), None, usage, Some(&set))?
                }
                Proof::Keytab => {
                    // Kept ones would outlive a realm that was put back, and hide that the key is wrong.
                    inner.forget_tickets().map_err(|error| {
                        let words = format!("{} can't be emptied: {error}", inner.tickets.display());
                        KerberosError::new(KerberosFault::Other, words)
                    })?;
                    Cred::acquire(Some(&name), None, usage, Some(&set))?
                }
            };
            let context = ClientCtx::new(Some(credential), target, flags, Some(GSS_MECH_KRB5));
            Context { context, started: false }.step(None, binding.as_deref())
        })
        .await
    }

    /// One step: what the other side sent leads to what it gets.
    pub(crate) async fn step(
        &self,
        realm: &str,
        context: Context,
        received: Vec<u8>,
        binding: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<(Context, Option<Vec<u8>>), KerberosError> {
        self.call(realm, deadline, move || context.step(Some(&received), binding.as_deref())).await
    }

    /// What the keytab holds now, to tell whether it was replaced; empty if it can't be read.
    pub(crate) fn keytab_content(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let content = self.0.keytab.as_ref().and_then(|file| std::fs::read(file).ok());
        content.unwrap_or_default().into()
    }

    /// Sign-ins by a keytab come one after the other, since they share a folder.
    async fn turn_of(
        &self,
        proof: &Proof,
        deadline: Instant,
    ) -> Result<Option<OwnedMutexGuard<()>>, KerberosError> {
        if !matches!(proof, Proof::Keytab) {
            return Ok(None);
        }
        let turn = timeout_at(deadline, Arc::clone(&self.0.by_keytab).lock_owned()).await;
        turn.map(Some).map_err(|_| busy())
    }

    fn turns(&self, realm: &str) -> Turns {
        let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(realm.to_owned()).or_default().clone()
    }

    /// The library's calls block while they wait for the realm, so each runs in a thread of its own; a realm that keeps silent holds up
    /// no other.
    async fn call<T: Send + 'static>(
        &self,
        realm: &str,
        deadline: Instant,
        work: impl FnOnce() -> Result<T, KerberosError> + Send + 'static,
    ) -> Result<T, KerberosError> {
        let broken = |words: String| KerberosError::new(KerberosFault::Other, words);
        let turn = timeout_at(deadline, self.turns(realm).calls.acquire_owned()).await.map_err(|_| busy())?;
        let turn = turn.map_err(|error| broken(error.to_string()))?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(turn);
            outcome
        });
        let late = |_| KerberosError::new(KerberosFault::NoTicket, "no ticket came in time");
        timeout_at(deadline, done).await.map_err(late)?.map_err(|error| broken(error.to_string()))?
    }
}

fn busy() -> KerberosError {
    let words = "other sign-ins of this agent took too long, so that this one's turn did not come";
    KerberosError::new(KerberosFault::Busy, words)
}

impl Inner {
    fn forget_tickets(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.tickets)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// Puts a new file in the old one's place.
    fn write(&self, realms: &BTreeMap<String, Vec<Centre>>) -> std::io::Result<()> {
        let part = self.file.with_extension("part");
        let mut file =
            std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(text(realms, &self.tickets, self.keytab.as_deref()).as_bytes())?;
        std::fs::rename(part, &self.file)
    }
}

/// A security context (RFC 2743) with a service.
pub(crate) struct Context {
    context: ClientCtx,
    started: bool,
}

impl Context {
    fn step(
        mut self,
        received: Option<&[u8]>,
        binding: Option<&[u8]>,
    ) -> Result<(Self, Option<Vec<u8>>), KerberosError> {
        let out = self.context.step(received, binding)?;
        self.started = true;
        Ok((self, out.map(|token| token.to_vec())))
    }

    /// Whether both sides have proved themselves.
    pub(crate) fn is_complete(&self) -> bool {
        self.started && self.context.is_complete()
    }

    /// Whether it can seal, and proved the service as well.
    pub(crate) fn can_seal(&self) -> bool {
        let wanted = CtxFlags::GSS_C_CONF_FLAG | CtxFlags::GSS_C_INTEG_FLAG | CtxFlags::GSS_C_MUTUAL_FLAG;
        self.context.flags().is_ok_and(|flags| flags.contains(wanted))
    }

    /// Protects a message: against changes, and if `sealed` against readers.
    pub(crate) fn wrap(&mut self, sealed: bool, message: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let token = self.context.wrap(sealed, message)?;
        if sealed && !is_sealed(&token) {
            return Err(KerberosError::new(KerberosFault::NotTrusted, "the library did not seal a message"));
        }
        Ok(token.to_vec())
    }

    /// Opens a message, which must have been sealed if `sealed`.
    pub(crate) fn unwrap(
        &mut self,
        sealed: bool,
        token: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, KerberosError> {
        if sealed && !is_sealed(token) {
            return Err(KerberosError::new(KerberosFault::NotTrusted, "a message was not sealed"));
        }
        Ok(zeroize::Zeroizing::new(self.context.unwrap(token)?.to_vec()))
    }
}

/// Whether a token is a wrap token with confidentiality (RFC 4121 section 4.2.6.2).
pub(crate) fn is_sealed(token: &[u8]) -> bool {
    matches!(token, [0x05, 0x04, flags, ..] if flags & 0x02 != 0)
}

/// The realm of a forest's root domain.
pub(crate) fn realm(forest: &Forest) -> String {
    forest.0.to_uppercase()
}

/// The realm of a principal.
pub(crate) fn realm_of(principal: &str) -> &str {
    principal.rsplit_once('@').map_or("", |(_, realm)| realm)
}

/// The principal of an account that is configured as `name@forest`.
pub(crate) fn principal(account: &str, forest: &Forest) -> Option<String> {
    let (name, domain) = account.rsplit_once('@')?;
    let plain = !name.is_empty() && !name.contains(['@', '/', '\\']) && !name.contains(char::is_whitespace);
    (plain && domain.eq_ignore_ascii_case(&forest.0)).then(|| format!("{name}@{}", realm(forest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of the test's own, removed when dropped.
    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn client(name: &str) -> (Kerberos, Folder) {
        let folder = std::env::temp_dir().join(format!("ritorno-{name}-{}", std::process::id()));
        (Kerberos::new(&folder, None).unwrap(), Folder(folder))
    }

    #[tokio::test]
    async fn nobody_asks_before_the_library_knows_of_a_centre() {
        let (kerberos, _folder) = client("learn");
        kerberos.learn("A.TEST", "10.0.0.1".parse().unwrap()).await.unwrap();
        let (address, began) = ("10.0.0.2".parse().unwrap(), Instant::now());
        let waited = async || {
            kerberos.learn("B.TEST", address).await.unwrap();
            began.elapsed()
        };
        // The one who finds it told already waits as well.
        let (first, second) = tokio::join!(waited(), waited());
        assert!(first >= LOOKS_AGAIN_AFTER && second >= LOOKS_AGAIN_AFTER, "{first:?} {second:?}");
        let known = kerberos.0.realms.lock().unwrap()["B.TEST"][0].known_from;
        assert!(known <= Instant::now(), "and nobody after that");
    }

    #[tokio::test]
    async fn waiting_for_a_turn_is_told_apart_from_a_realm_that_is_silent() {
        let (kerberos, _folder) = client("turns");
        let soon = || Instant::now() + Duration::from_millis(30);
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let silent = || {
            let held = Arc::clone(&held);
            move || {
                let _ = held.lock().unwrap().recv();
                Ok(())
            }
        };
        // As many as may call at once, each without an end.
        for _ in 0..KERBEROS_THREADS {
            let error = kerberos.call("A.TEST", soon(), silent()).await.unwrap_err();
            assert_eq!(error.fault, KerberosFault::NoTicket);
        }
        let error = kerberos.call("A.TEST", soon(), || Ok(())).await.unwrap_err();
        assert_eq!(error.fault, KerberosFault::Busy, "the library is still at it");
        let other = kerberos.call("B.TEST", Instant::now() + Duration::from_secs(60), || Ok(())).await;
        assert_eq!(other, Ok(()), "another realm is not held up");
        drop(release);
        let later = Instant::now() + Duration::from_secs(60);
        assert_eq!(kerberos.call("A.TEST", later, || Ok(())).await, Ok(()));

        let by_keytab = Arc::clone(&kerberos.0.by_keytab).lock_owned().await;
        let error = kerberos.turn_of(&Proof::Keytab, soon()).await.unwrap_err();
        assert_eq!(error.fault, KerberosFault::Busy);
        drop(by_keytab);
    }

    #[test]
    fn an_account_of_the_realm_is_a_principal() {
        let forest = Forest("contoso.test".into());
        assert_eq!(principal("svc@Contoso.test", &forest).as_deref(), Some("svc@CONTOSO.TEST"));
        for other in ["svc@elsewhere.test", "CN=svc,DC=contoso,DC=test", "a/b@contoso.test", "@contoso.test"]
        {
            assert_eq!(principal(other, &forest), None, "{other}");
        }
    }

    #[test]
    fn only_tokens_with_the_flag_are_sealed() {
        assert!(is_sealed(&[5, 4, 6, 0xff]) && is_sealed(&[5, 4, 2]));
        for other in [&[5, 4, 5][..], &[4, 4, 2], &[5, 4], &[], &[0x60, 4, 2]] {
            assert!(!is_sealed(other));
        }
    }
}
