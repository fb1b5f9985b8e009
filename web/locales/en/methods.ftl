front-lead-other = Forgot your password? Tell us who you are. Then you show in another way that it is you.
ways-title = Another way
way-mail = Send me a code by mail
way-app = Use a code from my authenticator app
way-recovery-code = Use a recovery code
gate-title = One more step
gate-passed = The first step is done.
gate-lead = Your organisation asks for a second proof that it is you.
typed-nothing = If you can't go on, give the help desk this code:
typed-too-many = That was too many wrong tries. Start again with your name.
app-title = Enter the code from your app
app-lead = Open your authenticator app and type the code that it shows for this organisation.
app-hint = Six digits, new every 30 seconds. Spaces do not matter.
app-not-a-code = A code from an app has six digits.
app-wrong = That code is not right. Each code works once: wait for the next one. If it goes on, see whether your phone's clock is right.
recovery-title = Enter a recovery code
recovery-lead = Type one of the codes that you wrote down when you registered. It is used up by that.
recovery-label = Recovery code
recovery-hint = Sixteen letters and digits, such as 1A2B-3C4D-5E6F-7G8H.
recovery-not-a-code = A recovery code has sixteen letters and digits.
recovery-wrong = That code is not right, or was used before.
methods-title = Your ways to prove that it is you
methods-lead = On the day that you forget your password you need one of these, or two if your organisation asks for two.
methods-wanted = { $n ->
    [one] Your organisation asks you to have { $n } of these.
   *[other] Your organisation asks you to have { $n } of these.
}
methods-have = { $n ->
    [0] You have none yet.
    [one] You have { $n }.
   *[other] You have { $n }.
}
methods-first = What you have would not be enough yet: a reset begins with one of these here, so have one of them as well.
methods-back = All my ways
methods-app-registered = Your authenticator app is registered.
methods-app-removed = Your authenticator app is removed.
methods-recovery-removed = Your recovery codes are removed.
method-mail = Codes by mail
method-mail-change = Change the address for codes
method-app = Authenticator app
method-app-there = An app is registered.
method-app-none = No app is registered.
method-app-register = Register an app
method-app-replace = Register another app in its place
method-app-remove = Remove the app
method-recovery = Recovery codes
method-recovery-none = You have no recovery codes.
method-recovery-left = { $n ->
    [one] { $n } code is left.
   *[other] { $n } codes are left.
}
method-recovery-make = Make recovery codes
method-recovery-remove = Remove the recovery codes
app-register-title = Register an authenticator app
app-register-lead = Scan this picture with an authenticator app on your phone, or type the key into it. Then type the code that the app shows.
app-register-replaces = The app that you registered before stops working when this one is registered.
app-register-picture = QR code for your authenticator app. The same key stands below as text.
app-register-key = Key
app-register-code = Code from the app
app-register-wrong = That is not the code of this key at this moment. Wait for the next code. If it goes on, see whether your phone's clock is right.
app-register-submit = Register this app
recovery-codes-title = Recovery codes
recovery-codes-lead = Ten codes to write down or print, and to keep where only you find them, not on this computer. Each can be used once in the place of another proof.
recovery-codes-replaces = { $n ->
    [one] The { $n } code that you have stops working.
   *[other] The { $n } codes that you have stop working.
}
recovery-codes-make = Show me ten new codes
recovery-codes-once = Write these down now. They are not shown again.
mail-app-registered-subject = An authenticator app was registered for your account
mail-app-registered-lead = On { $moment } an authenticator app was registered that can be used to reset the password of { $name }.
mail-app-removed-subject = The authenticator app of your account was removed
mail-app-removed-lead = On { $moment } the authenticator app of { $name } was removed. It can't be used any more to reset the password.
mail-recovery-registered-subject = Recovery codes were made for your account
mail-recovery-registered-lead = On { $moment } recovery codes were made that can be used to reset the password of { $name }. Former ones do not work any more.
mail-recovery-removed-subject = The recovery codes of your account were removed
mail-recovery-removed-lead = On { $moment } the recovery codes of { $name } were removed. They can't be used any more to reset the password.
front-change = I know my password and want to change it
change-title = Change your password
change-lead = If your password has expired, or has to be changed before you can sign in, you can do that here as well. You need your current password.
change-password-lead = Your current password was confirmed. Type it once more together with the new one: both are encrypted in your browser for your organisation's own network.
methods-change-password = Change my password
fault-wrong-old = The current password was not right, so nothing was changed.
fault-wrong-old-todo = Try again and look at what you type. If the password was changed within the last hour, wait until that hour is over.
way-pass = Use a temporary pass from the help desk
gate-none = You have nothing else that could be the second proof here. A temporary pass comes first: start again with it, or call the help desk.
pass-title = Enter your temporary pass
pass-lead = The help desk read it out to you. It holds for a quarter of an hour and works once.
pass-label = Temporary pass
pass-hint = Eight letters, such as BCDF-GHJK.
pass-not-a-pass = A temporary pass has eight letters, and no vowels.
pass-wrong = That pass is not right, was used, or has expired.
desk-title = Help this person
desk-never = You can't make a pass for this person: it is you, or somebody who administers this organisation.
desk-useless = A temporary pass would not let this person reset their password: your organisation does not allow it for them, or asks for a second proof that they do not have.
desk-by-code = Whoever calls reads out a code that goes to their address outside of work. Then you can make a temporary pass for them.
desk-by-colleague = No code can reach this person. A colleague has to approve before you can make a temporary pass.
desk-reason = Reason, which the person will read
desk-send = Send the code
desk-ask = Ask for approval
desk-code-sent = A code was sent. Let the caller read it out.
desk-code = Code that was read out
desk-check = Check
desk-approval = A colleague asks for your approval of a temporary pass for this person. Reason: { $reason }
desk-approve = Approve
desk-elsewhere = A colleague is helping this person, or has to approve first.
desk-cleared = It is this person. You can make a temporary pass now.
desk-make = Make a temporary pass
desk-sent = The code is on its way.
desk-right = The code is right.
desk-wrong = That is not the code, or it was tried too often.
desk-asked = A colleague can approve now, on this page.
desk-approved = Approved. Your colleague can make the pass now.
desk-closed = Nothing is open for this person any more. Begin again.
desk-no-reason = Give a reason: the person will read it.
desk-too-many = That is too often for today, or for this person in an hour.
desk-no-address = No code can reach this person.
desk-has-address = A code can reach this person: let them read one out.
desk-pass-title = Temporary pass
desk-pass-once = Read it out now. It is not shown again.
desk-pass-how = The person types it where a forgotten password is reset. It holds for fifteen minutes and works once. Every address on file is told.
mail-desk-code-subject = A code for the help desk
mail-desk-code-lead = { $operator } of the help desk of { $organisation } is talking to somebody who says that they are you, and asks for this code. Read it out if it is you.
mail-desk-reason = Reason: { $reason }
mail-desk-code-not-you = If you are not talking to the help desk now, tell nobody this code and call them.
mail-pass-subject = A temporary pass was made for you
mail-pass-lead = On { $moment } a temporary pass was made with which the password of { $name } can be reset.
mail-pass-operator = It was made by { $operator } of the help desk.
mail-pass-not-you = If you did not call the help desk, call them at once.
way-passkey = Use a passkey
passkey-title = Use your passkey
passkey-lead = Your phone or computer asks for your fingerprint, your face or a PIN. Nothing has to be typed.
passkey-use = Use my passkey
passkey-wrong = That passkey is not registered for this name, or it took too long. Try again, or choose another way.
passkey-unread = Your browser sent nothing that could be a passkey. Try again, or choose another way.
passkey-cancelled = No passkey was used: it was cancelled, took too long, or this device has none for this page. Try again, or choose another way.
passkey-unsupported = This browser knows no passkeys. Choose another way.
passkey-unavailable = Passkeys can't be used at this address, since it is no name. Choose another way.
passkey-noscript = A passkey needs JavaScript, which is switched off in your browser. Switch it on, or choose another way.
method-passkey = Passkeys
method-passkey-none = No passkey is registered.
method-passkey-have = { $n ->
    [one] { $n } passkey is registered.
   *[other] { $n } passkeys are registered.
}
method-passkey-manage = Register or remove a passkey
methods-passkey-registered = Your passkey is registered.
methods-passkey-removed = The passkey is removed.
passkey-register-title = Register a passkey
passkey-register-lead = Your phone or computer keeps a key that only you can use, with your fingerprint, your face or a PIN. On the day that you forget your password it shows that you are you.
passkey-register-submit = Register a passkey on this device
passkey-register-failed = The passkey could not be registered: it took too long, is registered already, or you have as many as there may be. Try again.
passkey-register-cancelled = No passkey was made: it was cancelled, took too long, or this device can't keep one. Try again, or choose another way.
passkey-register-already = This device has a passkey of yours already.
passkey-register-unsupported = This browser knows no passkeys. Try another browser or device.
passkey-there = Registered passkeys
passkey-registered-on = Registered { $moment }
passkey-remove = Remove
passkey-remove-one = Remove the passkey registered { $moment }
mail-passkey-registered-subject = A passkey was registered for your account
mail-passkey-registered-lead = On { $moment } a passkey was registered that can be used to reset the password of { $name }.
mail-passkey-removed-subject = A passkey of your account was removed
mail-passkey-removed-lead = On { $moment } a passkey of { $name } was removed. It can't be used any more to reset the password.
method-pass = Temporary pass from the help desk
method-sms = Codes by text message
method-sms-change = Change the number for codes
methods-sms-registered = Your mobile number is registered.
methods-sms-removed = Your mobile number is removed.
way-sms = Send me a code by text message
sms-title = Enter the code from your telephone
sms-sent = If your organisation knows a mobile number of yours, a text message with a code is on its way to it.
sms-resent = If another code could be sent, it is on its way. The one before no longer works.
sms-hint = Eight digits. The code holds for five minutes.
sms-code-text = { $organisation }: { $code } is your code to reset your password. Tell nobody.
sms-number-text = { $organisation }: { $code } is the code that proves your number. Tell nobody.
sms-withheld-text = { $organisation }: you can't reset your password by yourself. Tell the help desk { $code }.
sms-test-text = { $organisation }: a test of text messages. They go out.
mobile-title = Mobile number for codes
mobile-registered = Your own number
mobile-directory = From your organisation's directory
mobile-none = none
mobile-number = New mobile number
mobile-hint = With the country in front, such as +39 333 1234567. A code goes there, which you type on the next page.
mobile-submit = Send a code there
mobile-remove = Remove my own number
mobile-not-a-number = That is no mobile number with its country in front, such as +39 333 1234567.
mobile-on-file = That number is known already.
mobile-too-many = Too many codes were asked for. Wait an hour, then try again.
mobile-code-sent = A text message with a code is on its way to { $number }.
mobile-code-submit = Register this number
mobile-other = Another number
mail-sms-registered-subject = A mobile number was registered for your account
mail-sms-registered-lead = On { $moment } a mobile number was registered to which codes go that can be used to reset the password of { $name }.
mail-sms-removed-subject = The mobile number of your account was removed
mail-sms-removed-lead = On { $moment } the mobile number of { $name } was removed. No codes go there any more.
way-questions = Answer my security questions
questions-title = Answer your security questions
questions-lead = Answer all of these as you did when you registered them. Capital letters and extra spaces do not matter.
questions-answer = Answer
questions-unread = Answer every question. An answer has 3 to 40 characters.
questions-wrong = These answers are not all right. Other questions may be asked now.
method-questions = Security questions
method-questions-none = You have answered no questions.
method-questions-have = { $n ->
    [one] You have answered { $n } question.
   *[other] You have answered { $n } questions.
}
method-questions-register = Choose questions and answer them
method-questions-replace = Choose other questions in their place
method-questions-remove = Remove the questions and answers
methods-questions-registered = Your security questions are registered.
methods-questions-removed = Your security questions are removed.
questions-register-title = Choose security questions
questions-register-lead = Choose questions whose answers you will still know in a year, and that nobody can find out who knows you or looks you up. Nobody can read your answers, and nobody but you can change them.
questions-register-asked = { $n ->
    [one] On the day that you forget your password you are asked { $n } of them.
   *[other] On the day that you forget your password you are asked { $n } of them.
}
questions-register-replaces = What you answered before stops working when you save this.
questions-register-number = { $n ->
    [one] Question { $n }
   *[other] Question { $n }
}
questions-register-question = Question
questions-register-choose = Choose one
questions-register-hint = 3 to 40 characters
questions-register-submit = Save questions and answers
questions-fault-choose = Choose a question from each list. Nothing was saved: type the answers again.
questions-fault-twice = Choose each question once. Nothing was saved: type the answers again.
questions-fault-answer = An answer has 3 to 40 characters. Nothing was saved: type the answers again.
questions-fault-same = Two questions have the same answer. Give each another one. Nothing was saved: type the answers again.
mail-questions-registered-subject = Security questions were registered for your account
mail-questions-registered-lead = On { $moment } security questions were registered that can be used to reset the password of { $name }. Former ones do not work any more.
mail-questions-removed-subject = The security questions of your account were removed
mail-questions-removed-lead = On { $moment } the security questions of { $name } were removed. They can't be used any more to reset the password.
question-first-school = What was the name of your first school?
question-first-teacher = What was the surname of the first teacher whom you remember?
question-first-pet = What was the name of your first pet?
question-first-job = In which town did you have your first job?
question-first-boss = What was the first name of the first person you worked for?
question-first-concert = Whose was the first concert that you went to?
question-first-flight = Where did you fly to the first time?
question-first-car = Which was the first car that you drove?
question-first-film = Which was the first film that you saw in a cinema?
question-first-own-money = What did you buy with the first money that you earned?
question-childhood-friend = What was the first name of your best friend when you were a child?
question-childhood-street = In which street did you live when you were ten?
question-childhood-book = Which book did you like best as a child?
question-childhood-toy = What was the name of the toy that you liked best as a child?
question-childhood-dream = What did you want to become when you were a child?
question-childhood-nickname = What were you called as a child that nobody calls you today?
question-grandmother-village = In which village or town was your mother's mother born?
question-parents-met = In which town did your parents meet?
question-favourite-teacher-subject = Which subject did the teacher teach whom you liked best?
question-lost-thing = What did you lose as a child and never find again?
