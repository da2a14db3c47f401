"""The help of the pages on which people keep the house: contacts, limits, evidence, sandbox, system, your account.

By url name: title; what the page shows; what one does there; what happens then, or where to read on.
"""

from dee_site.help_operating import Text

PEOPLE: dict[str, Text] = {
    "policies:contacts": (
        "Contacts",
        "The people plans write to and call.",
        "Find one by reference, name or the whole address; add one, or import a file.",
        "A contact alone is sent nothing: that takes consent, a plan and a run.",
    ),
    "policies:contact": (
        "One contact",
        "What is known of this person, their own local time, what stops messages to them, and every consent.",
        "Check here first when somebody asks why a message came or did not come.",
        "Every change is an entry with your name; addresses are masked for people who may not read them.",
    ),
    "policies:contact_new": (
        "Add a contact",
        "A form for one person.",
        "Give a reference and at least one address; a time zone lets calling hours hold.",
        "The contact can be enrolled at once, but without consent nothing is sent.",
    ),
    "policies:contact_edit": (
        "Change a contact",
        "What is stored of this person.",
        "Correct what is wrong and save.",
        "Runs see the change from their next step on; if somebody else saved first, nothing is done and you are told.",
    ),
    "policies:contacts_import": (
        "Import contacts",
        "A CSV file is read and counted before anything is stored.",
        "Choose the file, read what would be new, changed and refused, then confirm.",
        "Refused rows are listed with their line and reason; an import never removes a suppression.",
    ),
    "policies:grant": (
        "Record consent",
        "A form for what this person agreed to: channel, purpose, source and proof.",
        "Write down where and how it was said.",
        "From then on the gate finds it; the proof lies outside the log and can be erased.",
    ),
    "policies:withdraw": (
        "Withdraw consent",
        "A form for what this person no longer agrees to.",
        "Choose channel and purpose, and say where it was said.",
        "The newest record counts, so the next message on that channel is refused.",
    ),
    "policies:consents": (
        "Consent",
        "Every grant and withdrawal, newest first; nothing here is ever overwritten.",
        "Narrow it by channel, purpose or status, and open the contact to record another.",
        "The newest record of a contact, channel and purpose is the one that counts.",
    ),
    "policies:suppressions": (
        "Suppressions",
        "Addresses that nothing is sent to, whatever a plan says.",
        "Type a whole address to learn in one line whether it is blocked, for what, since when and why.",
        "Adding one stops the next send; removing one takes a reason, and some reasons take an approver.",
    ),
    "policies:suppression_add": (
        "Block addresses",
        "A form for one address or many.",
        "Choose how far it reaches (everything, a channel, a plan), the reason and perhaps an end.",
        "It holds from the moment it is saved, also for messages that wait to leave.",
    ),
    "policies:suppressions_import": (
        "Import suppressions",
        "Pasted addresses, or those of a CSV file, are read and counted before anything is stored.",
        "Choose the file, read what would be new and what is refused, then confirm.",
        "An import only adds; it can never remove a suppression.",
    ),
    "policies:suppression_remove": (
        "Remove a suppression",
        "Which block would end, and why it was set.",
        "Say why it may go.",
        "The address can be sent to again if consent allows; the block and its end stay in the log.",
    ),
}

GUARDRAILS: dict[str, Text] = {
    "policies:limits": (
        "Limits and budgets",
        "How much of each daily limit and budget is used now, and when it starts anew.",
        "Open a policy to see its rules, or publish a new version of it with a reason.",
        "At 100 % daily limits hold messages until the next day, budgets refuse them.",
    ),
    "policies:policy": (
        "One policy",
        "Its limits, budgets, prices, calling hours and recovery rules, and all its versions.",
        "Change the limits here, or the whole document.",
        "A change is a new version with a reason; the gate uses it from the next decision on.",
    ),
    "policies:policy_new": (
        "New policy",
        "A whole policy document with an example to begin from.",
        "Change what you need and publish it with a reason.",
        "Plans name a policy by its key; nothing is sent for a plan without one.",
    ),
    "policies:policy_edit": (
        "Change limits",
        "The numbers of the active version of this policy.",
        "Change them, say why, and publish.",
        "What is used already stays used; if somebody published meanwhile, nothing is done and you are told.",
    ),
    "policies:policy_document": (
        "Change the whole policy",
        "The active version as a document.",
        "Edit it, say why, and publish; problems are named with their place.",
        "A new version counts from the next decision on, and old decisions keep theirs.",
    ),
    "policies:policy_version": (
        "Policy version",
        "One published version as it stands in the log, with its hash, its author and the reason.",
        "Read it; it cannot be changed.",
        "Every decision of the gate names the version it was made on.",
    ),
    "policies:hours": (
        "Calling hours",
        "When each policy lets calls and messages leave, in the contact's own time zone.",
        "Read it here; change it on the page of the policy.",
        "What falls outside the hours waits for the next window, and is never skipped.",
    ),
    "policies:kill_switches": (
        "Kill switch",
        "What is stopped by hand now, since when, by whom and why.",
        "Stop everything, one channel or one plan; say why.",
        "Nothing more leaves from that moment; runs are held, none is skipped, and a release takes a stronger right.",
    ),
    "policies:kill_switch_engage": (
        "Stop sending",
        "A form that stops everything, a channel or a plan.",
        "Choose how much, and say why; when in doubt, stop.",
        "It counts from the moment it is saved; what was already handed to a provider cannot be called back.",
    ),
    "policies:kill_switch_release": (
        "Release the kill switch",
        "Which stop would end, and why it was set.",
        "Make sure that the cause is gone, then say why it may end.",
        "Held runs ask the whole gate again within fifteen minutes.",
    ),
}

EVIDENCE: dict[str, Text] = {
    "audit:log": (
        "Audit log",
        "Everything that was decided, by the engine and by people, newest first.",
        "Narrow it by kind or stream, and open an entry to read it whole.",
        "Entries can only be added: each holds the hash of the one before, so a change would show.",
    ),
    "audit:verify": (
        "Verify",
        "Whether the log still holds together, checked by your own browser or by the server.",
        "Verify the whole log or one stream, or download the entries for a check of your own.",
        "A check on the server is kept with its result; what each result does and does not prove stands below it.",
    ),
    "audit:entry": (
        "One entry",
        "The exact text that was hashed, its hash, its link to the entry before, and its stamp.",
        "Compare it with what a page shows, or copy it.",
        "Personal values are not in it: they lie in the vault, and the entry only commits to them.",
    ),
    "audit:stream": (
        "One stream",
        "The chain of one run, plan, contact or policy, oldest first.",
        "Read it from the top, or verify it in your browser.",
        "A stream is complete by itself, so it can be handed to an auditor alone.",
    ),
}

SANDBOX: dict[str, Text] = {
    "channels:mailbox": (
        "Mailbox",
        "Every message as it was made, newest first, with what became of it.",
        "Search by run or, if you may read them, by recipient and subject.",
        "In the sandbox nothing has left this machine; on a real channel these are the kept copies.",
    ),
    "channels:message": (
        "One message",
        "The message as it was rendered, and what the log holds of it.",
        "Compare the commitment with the one in the run's entry.",
        "In the sandbox it also shows what the simulated recipient is going to do.",
    ),
    "runs:clock": (
        "Clock",
        "The time that runs see, and the real one.",
        "While every channel is a sandbox, drive the clock forward by an hour, a day or more.",
        "Everything that comes due on the way happens in its order; a clock never goes back.",
    ),
}

SYSTEM: dict[str, Text] = {
    "channels:adapters": (
        "Channels",
        "Which adapter carries each channel, what it can do, and how its last messages fared.",
        "Look here when many messages of one channel fail.",
        "Adapters are chosen in the settings of the server, never on a page.",
    ),
    "runs:inbox": (
        "Inbox of inputs",
        "Everything that reached DEE: enrolments, events of recipients, commands of people.",
        "Narrow it by verdict to find what was refused or matched nothing.",
        "The engine gives each input one place and one verdict; nothing that arrived is lost.",
    ),
    "runs:engine": (
        "Engine",
        "Whether the one process that moves runs is alive, how far it has come, and what waits for it.",
        "If it is halted, read why; after a jump of the clock check the clock, then let it go on.",
        "While it stands still nothing is sent and nothing is lost.",
    ),
    "admin:auth_user_changelist": (
        "Users",
        "The people who may sign in to this desk.",
        "Add a person, put them into a group, or take their access away by unticking “active”.",
        "What somebody may do comes from their groups; nobody can approve what they edited, whatever their group.",
    ),
    "account:logins": (
        "Logins",
        "Who has a second factor, and who is locked out after wrong passwords.",
        "Let somebody in again, or take away a second factor that was lost.",
        "Each of these is an entry of the log with your name and reason.",
    ),
    "account:reset": (
        "Take a second factor away",
        "Whose second factor would end.",
        "Make sure on another way that the person really lost it, then say why.",
        "They sign in with the password alone until they set up a new one.",
    ),
    "account:unlock": (
        "Let somebody in again",
        "Which lock would end.",
        "Say why it may end before its time.",
        "The person can try again at once.",
    ),
    "admin:auth_group_changelist": (
        "Groups",
        "The roles of the desk, from viewer to administrator, and groups of your own.",
        "Open one to see its rights; the roles that come with DEE cannot be changed.",
        "People get a role on the page of users, and it counts from the next page they open.",
    ),
    "help": (
        "Help",
        "The help of every page in one place, the words DEE uses, and the keys.",
        "Look up a page or a word; bring the tour of the first five minutes back.",
        "On every page the “?” at the top shows the help of that page alone.",
    ),
}

ACCOUNT: dict[str, Text] = {
    "account:page": (
        "Your account",
        "Your roles, your password and your second factor.",
        "Set up a second factor: a code from your telephone beside the password.",
        "What you may do comes from your roles; an administrator gives them.",
    ),
    "account:codes": (
        "New emergency codes",
        "A form that makes new codes for the day you have no telephone with you.",
        "Prove that it is you, then keep the codes where only you find them.",
        "Each code works once, and the old ones no longer do.",
    ),
    "account:off": (
        "Switch the second factor off",
        "A form that ends the code beside your password.",
        "Prove that it is you.",
        "From then on the password alone lets you in, where the house allows that.",
    ),
    "admin:password_change": (
        "Change your password",
        "A form for a new password.",
        "Type the old one once and the new one twice.",
        "You stay signed in here; every other session of yours ends.",
    ),
    "admin:password_change_done": (
        "Password changed",
        "Your new password holds.",
        "Nothing more has to be done.",
        "Use it the next time you sign in.",
    ),
}
