refusal-title = Your password can't be reset now
refusal-code = Code
refusal-since = Since
sspr-0009 = Password reset is switched off for your organisation.
sspr-0009-todo = Call your help desk: they can set a password for you.
sspr-0010 = Your organisation has switched off the service that carries the new password to its directory.
sspr-0010-todo = Call your help desk: they can set a password for you, or switch the service on.
sspr-0011 = Your account is not set up for resetting its password here.
sspr-0011-todo = Call your help desk and read them the support code.
sspr-0012 = Your account lacks a licence for password reset.
sspr-0012-todo = Call your help desk and read them the support code.
sspr-0013 = Your account is not in the group that may reset passwords here.
sspr-0013-todo = Call your help desk and read them the support code.
sspr-0014 = There is not enough security information on file for you.
sspr-0014-todo = Call your help desk: they can add an address that a code can be sent to.
sspr-0029 = Your organisation's directory does not allow this for your account.
sspr-0029-todo = Call your help desk and read them the support code. Trying again does not help.
sspr-0030 = Your organisation's directory can't be reached at the moment.
sspr-0030-todo = Wait a few minutes and try again. If it stays like this, call your help desk.
fault-account-disabled = Your account is disabled.
fault-account-disabled-todo = Call your help desk and read them the support code. Trying again does not help.
fault-expired = It took too long, and nothing was changed.
fault-expired-todo = Try once more.
fault-account-locked = Too many wrong passwords were given for your account, perhaps by a phone that still has an old one. It is locked, or nearly, so nothing was changed.
fault-account-locked-todo = Wait half an hour and try again, or reset your password, which unlocks the account.
fault-busy = Your organisation's directory is busy just now. Nothing was changed.
fault-busy-todo = Wait a minute and try again.
fault-unsettled = An earlier reset of yours is still being looked up.
fault-unsettled-todo = Wait two minutes, try the password that you chose before, and only then start again.
fault-keys-renewed = Your organisation renewed its keys while this page was open, so nothing was changed.
fault-keys-renewed-todo = Start again: the new page has the new keys.
fault-tampered = What arrived is not what this page gave out, so nothing was changed.
fault-tampered-todo = Start again. If it happens again, call your help desk.
fault-other-tab = This was the page of an earlier reset in this browser, so nothing was changed.
fault-other-tab-todo = Another one was begun since, in another tab or window. Go on with that one.
other-tab = This had gone on in another tab or window before. What you sent last was not taken: if you typed two passwords, the one that was sent first counts.
refused-title = That password was refused
refused-todo = Nothing was changed. Choose another password.
refused-again = Choose another password
refused-complexity = The password needs three of these: upper case, lower case, digits, symbols, other letters.
refused-contains-name = The password contains your account name or a part of your name.
refused-banned-word = The password contains a word that your organisation bans, also if digits or symbols stand in the place of letters.
refused-breached = This password is in a list of passwords that are known to others: it was in a data breach, or many people use it. Somebody who tries such lists would guess it.
refused-history = You have used this password before.
refused-history-count = { $n ->
    [one] You used this password the last time.
   *[other] This is one of your last { $n } passwords.
}
refused-minimum-length = { $n ->
    [one] The password needs at least { $n } character.
   *[other] The password needs at least { $n } characters.
}
refused-maximum-length = { $n ->
    [one] The password may have at most { $n } character.
   *[other] The password may have at most { $n } characters.
}
refused-minimum-age = Your password was changed too recently.
refused-minimum-age-until = Your password was changed too recently. It may be changed from { $moment } on.
refused-unnamed = Your organisation's directory refused this password without saying why. It may have been used before, or contain a forbidden word.
done-title = Your password is changed
done-works = The new password works now.
done-late = Your password is changed in the directory, and the new one works now. Our records are behind: the mail about it comes later. You can close this page.
done-not-unlocked = Your account may still be locked by wrong tries. If signing in fails, wait half an hour or call the help desk.
done-must-change = You will be asked to change it when you sign in.
done-devices = Your phone, Wi-Fi and VPN may still hold the old password. Change it there too, or they can lock your account.
done-laptop = A laptop that is away from the office network still wants the old password until it has been connected once.
done-mail = We send a mail about this to every address that we have on file for you.
unlocked-title = Your account is unlocked
unlocked-works = You can sign in again with the password that you have.
unlocked-devices = If it was your phone, Wi-Fi or VPN that locked it with an old password, correct it there, or it happens again.
unlock-failed-title = Your account can't be unlocked now
unknown-title = We can't tell yet
unknown-told = We can't tell yet whether the new password was set.
unknown-todo = Try the new password in a few minutes. Do not start again before that. We go on looking it up, and send you a mail if it was set.
unknown-unlock-told = We can't tell yet whether your account was unlocked.
unknown-unlock-todo = Try to sign in with your password in a few minutes. Do not start again before that.
pending-title = It is on its way
pending-told = The new password is on its way to your organisation's directory.
pending-unlock-told = The order to unlock your account is on its way to your organisation's directory.
pending-todo = Wait a few seconds and look again. Do not start again.
pending-look = Look again
due-register = Your organisation asks you to register more ways to prove that it is you. Without them you could not reset a forgotten password by yourself.
due-confirm = It is time to look through your ways to prove that it is you, so that they work on the day that you need them.
due-go = Go on to my ways
