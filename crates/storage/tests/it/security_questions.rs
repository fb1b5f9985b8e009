//! Security questions: tries counted before anything is compared, answers that nobody reads.

use anyhow::{Result, ensure};
use ritorno_identity::name::SignInName;
use ritorno_identity::password::PasswordHash;
use ritorno_identity::question::{Answer, Question, QuestionPolicy};
use ritorno_identity::subject::Subject;
use ritorno_identity::tenant::Tenant;
use ritorno_identity::user::User;
use ritorno_protocol::random::array;
use ritorno_protocol::secret::Password;
use ritorno_storage::{GateTried, GateTry};

use crate::fixture::{Fixture, NOW, on_both, parallel};

on_both!(
    answered_replaced_and_removed_with_their_person,
    a_try_is_counted_before_anything_is_compared,
    of_200_parallel_tries_5_are_compared,
    of_many_that_are_registered_at_once_one_set_stays,
);

fn questions(keys: &[&str]) -> Vec<Question> {
    keys.iter().map(|key| Question::from_text(key).expect("a question")).collect()
}

const THREE: [&str; 3] = ["first-pet", "first-car", "own:Which tree?"];

fn digest(f: &Fixture, user: &User, question: &Question, answer: &str) -> Password {
    Answer::parse(answer).expect("an answer").digest(&f.pepper, f.tenant.id, user.id, question)
}

fn answered(f: &Fixture, user: &User, keys: &[&str]) -> Vec<(Question, PasswordHash)> {
    let hash = |question: &Question| {
        let digest = digest(f, user, question, &format!("to {}", question.to_text()));
        (question.clone(), PasswordHash::new(&digest, &f.random).expect("a digest is long enough"))
    };
    questions(keys).iter().map(hash).collect()
}

async fn person(f: &Fixture, name: &str) -> Result<User> {
    let user = f.person(name);
    f.store.users().insert(&user).await?;
    Ok(user)
}

fn attempt(f: &Fixture, user: &User) -> GateTry {
    GateTry {
        tenant: f.tenant.id,
        user: Some(user.id),
        flow: Subject(array(&f.random)),
        subject: Subject::of_user(&f.pepper, f.tenant.id, user.id),
        known_browser: false,
    }
}

async fn answered_replaced_and_removed_with_their_person(f: &Fixture) -> Result<()> {
    let (anna, bruno) = (person(f, "anna").await?, person(f, "bruno").await?);
    let (store, tenant) = (f.store.security_questions(), f.tenant.id);
    ensure!(store.replace(tenant, anna.id, &answered(f, &anna, &THREE), NOW).await?);
    let listed = async |user| {
        let mut listed = store.list(tenant, user).await?;
        listed.sort();
        anyhow::Ok(listed.iter().map(Question::to_text).collect::<Vec<_>>())
    };
    assert_eq!(listed(Some(anna.id)).await?.len(), 3);
    assert_eq!(listed(Some(bruno.id)).await?, Vec::<String>::new());
    assert_eq!(listed(None).await?, Vec::<String>::new());
    let name = SignInName::parse(&anna.user_principal_name)?;
    let standing = f.store.users().standing(tenant, Some(anna.id), &name, NOW).await?;
    assert_eq!(standing.questions, 3);
    let other = ["first-film", "lost-thing", "parents-met", "first-job"];
    ensure!(store.replace(tenant, anna.id, &answered(f, &anna, &other), NOW).await?);
    assert_eq!(listed(Some(anna.id)).await?.len(), 4);
    ensure!(store.remove(tenant, anna.id).await? && !store.remove(tenant, anna.id).await?);
    ensure!(store.replace(tenant, anna.id, &answered(f, &anna, &THREE), NOW).await?);
    f.store.users().delete(tenant, anna.id).await?;
    assert_eq!(listed(Some(anna.id)).await?, Vec::<String>::new());
    ensure!(!store.replace(tenant, anna.id, &answered(f, &anna, &THREE), NOW).await?, "there is nobody");

    let policy = QuestionPolicy::new(4, 3, &["Which tree?".to_owned()])?;
    let changed = Tenant { questions: policy.clone(), ..f.tenant.clone() };
    ensure!(f.store.tenants().update(&changed).await?);
    assert_eq!(f.store.tenants().get(tenant).await?.map(|tenant| tenant.questions), Some(policy));
    Ok(())
}

async fn a_try_is_counted_before_anything_is_compared(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let store = f.store.security_questions();
    store.replace(f.tenant.id, anna.id, &answered(f, &anna, &THREE), NOW).await?;
    // In another order than that in which they are stored.
    let asked = questions(&["own:Which tree?", "first-pet", "first-car"]);
    let one = attempt(f, &anna);
    let right = async |hashes: Vec<Option<PasswordHash>>| {
        let typed =
            asked.iter().map(|question| digest(f, &anna, question, &format!(" TO {}", question.to_text())));
        assert_eq!(hashes.len(), 3);
        typed.zip(hashes).all(|(typed, hash)| hash.is_some_and(|hash| hash.matches(&typed)))
    };
    assert_eq!(store.attempt(&one, &asked, NOW, right).await?, GateTried::Right);
    let nobody = GateTry { user: None, ..attempt(f, &anna) };
    let nothing = async |hashes: Vec<Option<PasswordHash>>| {
        assert!(hashes.len() == 3 && hashes.iter().all(Option::is_none));
        false
    };
    assert_eq!(store.attempt(&nobody, &asked, NOW, nothing).await?, GateTried::Wrong);
    for number in 0..23 {
        let expected = if number < 19 { GateTried::Wrong } else { GateTried::Stopped };
        let tried = store.attempt(&attempt(f, &anna), &asked, NOW, async |_| false).await?;
        assert_eq!(tried, expected, "{number}");
    }
    let known = GateTry { known_browser: true, ..attempt(f, &anna) };
    let tried = store.attempt(&known, &asked, NOW, async |_| true).await?;
    assert_eq!(tried, GateTried::Right, "what is tried elsewhere stops nobody where they succeeded");
    Ok(())
}

async fn of_200_parallel_tries_5_are_compared(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let stores = [f.store.clone(), f.second().await?];
    stores[0].security_questions().replace(f.tenant.id, anna.id, &answered(f, &anna, &THREE), NOW).await?;
    let (one, asked) = (attempt(f, &anna), questions(&THREE));
    let tried = parallel(200, |number| {
        let (store, asked) = (stores[number % 2].clone(), asked.clone());
        async move { store.security_questions().attempt(&one, &asked, NOW, async |_| false).await }
    })
    .await?;
    let count = |wanted| tried.iter().filter(|tried| **tried == wanted).count();
    assert_eq!((count(GateTried::Wrong), count(GateTried::Spent)), (5, 195));
    Ok(())
}

async fn of_many_that_are_registered_at_once_one_set_stays(f: &Fixture) -> Result<()> {
    let anna = person(f, "anna").await?;
    let (tenant, id) = (f.tenant.id, anna.id);
    let stores = [f.store.clone(), f.second().await?];
    let sets = [answered(f, &anna, &THREE), answered(f, &anna, &["first-film", "lost-thing", "first-job"])];
    parallel(20, |number| {
        let (store, set) = (stores[number % 2].clone(), sets[number % 2].clone());
        async move { store.security_questions().replace(tenant, id, &set, NOW).await }
    })
    .await?;
    let mut left = f.store.security_questions().list(tenant, Some(id)).await?;
    left.sort();
    let set = |set: &[(Question, PasswordHash)]| {
        let mut questions: Vec<Question> = set.iter().map(|(question, _)| question.clone()).collect();
        questions.sort();
        questions
    };
    ensure!(sets.iter().any(|one| set(one) == left), "{left:?}");
    Ok(())
}
