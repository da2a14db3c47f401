"""The tables of the log: entries with their stamps, the head everybody locks, stream heads, and the vault.

Nothing here writes. `audit.log` is the only writer of entries, `audit.vault` of openings.
"""

from django.db import models


class Entry(models.Model):
    """One entry and its stamp. Append-only: the database refuses UPDATE, DELETE and TRUNCATE."""

    seq = models.BigIntegerField(primary_key=True, help_text="place in the whole log, gapless from 0")
    st = models.TextField("stream")
    n = models.BigIntegerField(help_text="place in the stream, gapless from 1")
    type = models.TextField()
    tick = models.BigIntegerField(help_text="whole seconds since the run's start, or lane clock outside runs")
    step = models.TextField(blank=True)
    prev = models.BinaryField(help_text="hash of the entry before, or of the genesis")
    hash = models.BinaryField()
    body = models.TextField(help_text="canonical JSON, hashed exactly as stored")
    stamp = models.TextField(help_text="canonical JSON: at, by, h, seq")

    class Meta:
        verbose_name_plural = "entries"
        permissions = [("verify_log", "Can verify the log and export evidence")]
        constraints = [
            models.UniqueConstraint(fields=["st", "n"], name="audit_entry_one_n"),
            models.UniqueConstraint(fields=["st", "prev"], name="audit_entry_no_fork"),
            models.CheckConstraint(condition=models.Q(n__gte=1), name="audit_entry_n_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.st}#{self.n} {self.type}"


class Head(models.Model):
    """One row. Whoever writes locks it first: the order of the log is the order of everything."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    size = models.BigIntegerField(default=0, help_text="entries in the log; the next seq")
    epoch = models.BigIntegerField(default=0, help_text="fencing number of the engine that may write runs")
    clock = models.BigIntegerField(default=0, help_text="lane clock, whole seconds since the epoch, UTC")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="audit_head_one_row")]

    def __str__(self) -> str:
        return f"{self.size} entries, clock {self.clock}"


class Stream(models.Model):
    """Length and head of a stream other than a run's: derived, rebuilt from the entries, never evidence."""

    st = models.TextField(primary_key=True)
    n = models.BigIntegerField()
    head = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.st} ({self.n})"


class Opening(models.Model):
    """A personal value and the salt that opens its commitment in the log. Erasable."""

    ref = models.BigAutoField(primary_key=True)
    subject = models.TextField(db_index=True, help_text="whose value: a stream name such as contact/c-1001")
    kind = models.TextField()
    salt = models.BinaryField()
    value = models.TextField()

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}"


class Verification(models.Model):
    """One finished check of the log, so that the desk can say when it was last verified and with what result."""

    at = models.DateTimeField()
    by = models.TextField()
    scope = models.TextField(help_text="'log' or a stream name")
    verdict = models.TextField()
    checked = models.BigIntegerField()
    message = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.scope}: {self.verdict}"
