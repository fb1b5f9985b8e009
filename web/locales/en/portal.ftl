front-title = Reset your password
front-lead = Forgot your password? Tell us who you are. We send a code to an address outside of work that we have on file for you.
front-name = Your sign-in name
front-name-hint = Such as anna@contoso.com or CONTOSO\anna
front-submit = Send me a code
front-register = Register your ways to prove that it is you, while you know your password
front-not-a-name = A sign-in name looks like anna@contoso.com or CONTOSO\anna.
front-too-many = Too many names were tried from your network. Wait an hour, or call the help desk.
work-title = One moment
work-lead = Many names are being given here just now. So your browser shows with a short computation that this is no program that tries them all. It takes some seconds, and then goes on by itself.
work-progress = How far it is
work-working = Your browser is computing.
work-done = Done. It goes on.
work-wait = { $n ->
    [one] If nothing moves here, JavaScript is off in this browser. Then wait { $n } second instead, and go on.
   *[other] If nothing moves here, JavaScript is off in this browser. Then wait { $n } seconds instead, and go on.
}
work-too-early = That was too early. Wait until the time below is over.
work-too-often = This name has gone on by waiting several times already. Use a browser with JavaScript, wait an hour, or call the help desk.
code-title = Enter the code
code-sent = If this name is known here, a code is on its way to its owner's address outside of work. It has eight digits and holds for five minutes.
code-label = Code
code-hint = Eight digits. Spaces do not matter.
code-submit = Go on
code-resend-to = Nothing came? A new code can go to
code-to-registered = the address that I registered here
code-to-directory = the address from my organisation
code-resend = Send a new code
code-resent = If a new code can be sent, it is on its way. Only the latest code holds.
code-nothing = If nothing arrives, look in the spam folder. Then give the help desk this code:
time-left = { $n ->
    [one] For your security, all of this has to be done within { $n } minute. After that you start again; until the new password is set, nothing is changed.
   *[other] For your security, all of this has to be done within { $n } minutes. After that you start again; until the new password is set, nothing is changed.
}
time-soon = Two minutes are left for this. After that you start again; until the new password is set, nothing is changed.
other-name = Use another name
code-not-a-code = A code has eight digits.
code-wrong = That code is not right. Look at the latest mail and try again.
code-expired = That code has expired. Send yourself a new one.
code-too-many = That was too many wrong tries for this code. Send yourself a new one.
code-locked-told = There were too many wrong codes today.
code-locked-todo = Call the help desk, or try again tomorrow.
other-tab-begun = Another reset was begun in this browser since, in another tab or window. That one goes on here; what you sent from the page before changed nothing.
flow-ended-title = This reset has ended
flow-ended-told = It took longer than 15 minutes, was begun in another browser, or has ended already. Nothing was changed by it now.
password-title = Choose a new password
password-noscript = This step needs JavaScript. Your browser encrypts the new password here, so that only your organisation's own network can read it; a page without JavaScript would have to show it to our server. Switch JavaScript on for this site and reload, or use another browser.
password-new = New password
password-again = The same again
password-show = Show
password-hide = Hide
strength-0 = Guessed at once
strength-1 = Easy to guess
strength-2 = Could be harder to guess
strength-3 = Hard to guess
strength-4 = Very hard to guess
password-suggest = Suggest a password
password-suggested = This one keeps every rule that can be checked here. Keep it in your password manager, or write it down, before you go on.
password-submit = Set the new password
password-working = Setting the password in your organisation's directory. This can take a few seconds.
password-mismatch = The two are not the same.
password-unreachable = The connection was lost. Nothing is sent again.
password-looking = We are looking up how it ended. This page goes on by itself as soon as the connection is back.
password-still-away = The connection does not come back. Look again later, on this page: do not start again.
password-not-arrived = No new password has arrived here, so nothing was changed. Type it here.
password-untrusted = Nothing was sent: this page was open for too long, or could not prove that its keys belong to your organisation. Reload it. If it says so again, call the help desk.
unlock-title = Your account is locked
unlock-lead = Too many wrong passwords locked it. If you remember your password you can unlock the account and keep it. If not, choose a new one below: that unlocks the account too.
unlock-submit = Unlock my account and keep my password
rules-title = Your new password must keep these rules:
rule-met = met
rule-broken = not yet
rule-minimum-length = { $n ->
    [one] At least { $n } character
   *[other] At least { $n } characters
}
rule-maximum-length = { $n ->
    [one] At most { $n } character
   *[other] At most { $n } characters
}
rule-complexity = Three of these: upper case, lower case, digits, symbols, other letters
rule-contains-name = Not your account name, and no part of your name
rule-banned-words = None of the words that your organisation bans
rule-banned-words-listed = None of these words: { $words }
rule-breached = Not in a list of passwords that are known to others (looked up when you send it)
rule-history = { $n ->
    [one] Not the password used before (your organisation checks this at the end)
   *[other] Not one of the last { $n } passwords (your organisation checks this at the end)
}
rule-minimum-age = It may be changed from { $moment } on
policy-unreadable = The rules for your password can't be read here. Your organisation's directory judges the password when you send it.
rules-all-met = Every rule is met.
