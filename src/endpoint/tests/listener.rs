use super::super::limits::MAX_SURPLUS;
use super::super::listener::Verdict;

#[test]
fn a_reply_that_is_too_much_longer_than_the_question_is_none() {
    let judge = |len: usize| Verdict::Retry(vec![0; len]).within(100);
    assert!(matches!(judge(100 + MAX_SURPLUS), Verdict::Retry(_)));
    assert!(matches!(judge(100 + MAX_SURPLUS + 1), Verdict::Unanswerable));
    assert!(matches!(Verdict::Refuse(vec![0; 65]).within(0), Verdict::Unanswerable));
}
