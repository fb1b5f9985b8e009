//! What security questions say.

use ritorno_identity::question::Question;

use crate::i18n::{Words, key};

/// A question as it is asked. One of the tenant's own is asked as it was written, in one language.
pub(crate) fn question_words(t: Words, question: &Question) -> String {
    match question {
        Question::Predefined(name) => predefined(name).map_or_else(|| (*name).to_owned(), |told| t.say(told)),
        Question::Own(words) => words.clone(),
    }
}

fn predefined(name: &str) -> Option<&'static str> {
    Some(match name {
        "first-school" => key("question-first-school"),
        "first-teacher" => key("question-first-teacher"),
        "first-pet" => key("question-first-pet"),
        "first-job" => key("question-first-job"),
        "first-boss" => key("question-first-boss"),
        "first-concert" => key("question-first-concert"),
        "first-flight" => key("question-first-flight"),
        "first-car" => key("question-first-car"),
        "first-film" => key("question-first-film"),
        "first-own-money" => key("question-first-own-money"),
        "childhood-friend" => key("question-childhood-friend"),
        "childhood-street" => key("question-childhood-street"),
        "childhood-book" => key("question-childhood-book"),
        "childhood-toy" => key("question-childhood-toy"),
        "childhood-dream" => key("question-childhood-dream"),
        "childhood-nickname" => key("question-childhood-nickname"),
        "grandmother-village" => key("question-grandmother-village"),
        "parents-met" => key("question-parents-met"),
        "favourite-teacher-subject" => key("question-favourite-teacher-subject"),
        "lost-thing" => key("question-lost-thing"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ritorno_identity::question::PREDEFINED;

    use super::*;

    #[test]
    fn every_predefined_question_has_words() {
        for name in PREDEFINED {
            assert_eq!(predefined(name), Some(format!("question-{name}").as_str()));
        }
    }
}
