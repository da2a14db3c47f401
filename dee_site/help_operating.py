"""The help of the pages on which people run and design things: overview, failures, runs, tasks, plans, templates.

By url name: title; what the page shows; what one does there; what happens then, or where to read on.
"""

Text = tuple[str, str, str, str]

OPERATE: dict[str, Text] = {
    "admin:index": (
        "Overview",
        "It shows what needs you, how the engine stands, what limits you, what is coming up and what is proved.",
        "Start with “Needs you” and work from the top; the other cards are for looking.",
        "It refreshes by itself every 15 seconds and changes nothing; “Stop sending” leads to the kill switch.",
    ),
    "runs:failures": (
        "Failure inbox",
        "Every run that stopped because something went wrong stands here, grouped by cause.",
        "Choose a cause, read one run, then retry, resolve or skip the runs you have ticked, with a reason.",
        "A run leaves this list when the engine has taken the command; keys: j and k move, x ticks, r and e act.",
    ),
    "runs:list": (
        "Runs",
        "A run is one contact's walk through one version of a plan; the newest stand first.",
        "Narrow the list by status, plan, reason, run number or contact, and open one to see everything it did.",
        "The filters stand in the address, so a link to this page shows others the same list.",
    ),
    "runs:run": (
        "One run",
        "Its path on the version it runs on, and below it every decision in order, with the numbers it was made on.",
        "Read why it stands where it stands, and use the buttons at the top; a button you may not use says why.",
        "A command is decided by the engine within a second and becomes an entry with your name and reason.",
    ),
    "runs:act": (
        "A command on a run",
        "What you are about to ask of this run, and how the run stood when you opened the page.",
        "Write the reason; for a resolution choose what really came of the message.",
        "If the run changed meanwhile, nothing is done and you are told who did what; sending it twice acts once.",
    ),
    "runs:verdict": (
        "What came of a command",
        "Whether the engine took your command or refused it, and why.",
        "Nothing has to be done; go back to the run or to the list you came from.",
        "A refused command changed nothing, but it stays in the inbox of inputs.",
    ),
    "runs:replay": (
        "Replay",
        "The run is told again from its recorded inputs by the engine's own core, and compared byte by byte.",
        "Look at the first difference if there is one; equal bytes mean that today's code decides the same.",
        "Nothing is sent or changed; “Export” gives you the same evidence as a file for a replay elsewhere.",
    ),
    "runs:tasks": (
        "Tasks",
        "Runs that wait for a person to do something, the nearest deadline first.",
        "Do what the instructions say, then complete the task with what came of it.",
        "The run goes on along that outcome at once; a task that nobody completes goes on along its timeout.",
    ),
    "runs:enrol": (
        "Enrol contacts",
        "Here contacts begin a plan: each of them gets a run on the version that is in force now.",
        "Choose the plan and the contacts, count first, then confirm.",
        "Whoever has an open run of that plan is left alone; limits and consent are asked before each message.",
    ),
    "runs:bulks": (
        "Bulk actions",
        "Lists of runs that one command was meant for, the newest first.",
        "Open one to see what came of every single run in it.",
        "A list is frozen when it is made: runs that fail later never slip into it.",
    ),
    "runs:bulk": (
        "One bulk action",
        "The frozen list, what would happen to each run, and after the confirmation what did happen.",
        "Read who is left alone and why, write the reason, and confirm.",
        "Each run gets a command of its own, which passes the same gate and can be refused by itself.",
    ),
}

DESIGN: dict[str, Text] = {
    "plans:list": (
        "Plans",
        "Every plan with its state, the version in force and its draft.",
        "Open a plan to see its versions, or begin a new one.",
        "New runs start on the version in force; a draft changes nothing until a second person activates it.",
    ),
    "plans:new": (
        "New plan",
        "A plan begins with a key, which is its name for ever, and a title.",
        "Choose both, then go on in the draft.",
        "Nothing runs yet: a plan needs a published version that a second person has activated.",
    ),
    "plans:design": (
        "Plan designer",
        "The draft as a drawing: each box is a step, each line leads to what happens then.",
        "Add, drag and connect steps with the mouse or the keyboard, and fill in the chosen step at the side.",
        "Everything is saved as you go and can be undone; the checks lead to what is still missing.",
    ),
    "plans:plan": (
        "One plan",
        "All versions of this plan, their reviews and runs, and how many runs stand at each step of the one in force.",
        "Open a version to compare or activate it, go on with the draft, or retire the plan.",
        "Runs that are under way stay on the version they began with.",
    ),
    "plans:draft": (
        "Draft",
        "The plan as it is being edited, with everything that still stands against submitting it.",
        "Change it, look at the checks, rehearse it, then submit it as the next version.",
        "A submitted version can never be changed; whoever edited it cannot approve it.",
    ),
    "plans:version": (
        "Plan version",
        "One published version: its steps, its picture, its hash and who edited it.",
        "Read it, rehearse it, try it on past runs, or activate it if you did not edit it.",
        "It is immutable; its hash stands in every run that walks it.",
    ),
    "plans:reviews": (
        "Reviews",
        "Submitted versions that wait for a second person, the longest wait first, and what was decided of late.",
        "Open one you did not edit and read what it changes.",
        "You cannot decide about a version you edited, whatever your role.",
    ),
    "plans:review": (
        "Review of a version",
        "What this version changes, in sentences and side by side, for how many runs, and what the checks say.",
        "Approve it, or send it back with a comment.",
        "An approved version comes into force at once for new runs; open runs stay on theirs.",
    ),
    "plans:compare": (
        "Two versions compared",
        "What differs between two versions of a plan, as sentences and as pictures.",
        "Choose the two versions.",
        "Nothing is changed by looking; a review shows the same for the version that waits.",
    ),
    "plans:retire": (
        "Retire a plan",
        "What stops when this plan is retired.",
        "Say why, then confirm.",
        "Nobody can be enrolled any more and sends of its open runs are refused; an activation brings it back.",
    ),
    "runs:rehearse": (
        "Rehearse a draft",
        "The draft walked by the engine's own core for one contact, with the events you choose.",
        "Choose for whom, tick on the timeline what happens after each message, and see the path and the end change.",
        "Nothing is sent and nothing is recorded.",
    ),
    "runs:rehearse_version": (
        "Rehearse a version",
        "This version walked by the engine's own core for one contact, with the events you choose.",
        "Choose for whom, tick on the timeline what happens after each message, and see the path and the end change.",
        "Nothing is sent and nothing is recorded.",
    ),
    "runs:what_if": (
        "What if: a draft",
        "What this draft would have changed for runs of the past, as far as that can be known.",
        "Choose which past runs to ask about, then read the report.",
        "Each run is followed up to the first thing nobody can know; nothing is invented, sent or recorded.",
    ),
    "runs:what_if_version": (
        "What if: a version",
        "What this version would have changed for runs of the past, as far as that can be known.",
        "Choose which past runs to ask about, then read the report.",
        "Each run is followed up to the first thing nobody can know; nothing is invented, sent or recorded.",
    ),
    "plans:templates": (
        "Templates",
        "Texts of mails and scripts of calls, each with its published versions.",
        "Open one to read its text, or publish a new one.",
        "Plans name an exact version, so a new version changes no plan by itself.",
    ),
    "plans:template_new": (
        "New template version",
        "A form for the text of a mail or the script of a call.",
        "Write the text, name attributes in double braces, and publish.",
        "A published version never changes; correct a mistake by publishing the next one.",
    ),
    "plans:template": (
        "Template version",
        "One published text, the attributes it asks for, and its hash.",
        "Read it; publish a next version if it should change.",
        "A message is made from exactly this text, and the run's log holds the proof of it.",
    ),
}
