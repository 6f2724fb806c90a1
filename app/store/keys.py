"""The names of everything in Redis, in one place."""

PREFIX = "forgehand:"

JOBS = PREFIX + "jobs"
"""Sorted set of all job ids by creation time."""
LIVE = PREFIX + "jobs:live"
"""Set of the jobs that still need somebody: not ended, or ended and the thread doesn't say so yet."""
OCCUPIED = PREFIX + "jobs:occupied"
"""Set of the jobs that hold a runner's place: launching or running."""
INBOX = PREFIX + "inbox"
"""Sorted set of deliveries that were accepted and not yet handled, by time."""
AUDIT = PREFIX + "audit"
"""Stream of decisions: who asked for what, and the answer."""


def job(job_id: str) -> str:
    return f"{PREFIX}job:{job_id}"


def log(job_id: str) -> str:
    """Stream of what runners reported."""
    return f"{PREFIX}job:{job_id}:log"


def heard(job_id: str, attempt: int) -> str:
    """Hash: the highest event number that was taken, and when the attempt was last heard of."""
    return f"{PREFIX}job:{job_id}:heard:{attempt}"


def spend(job_id: str) -> str:
    """What the job has cost so far, in millionths of a dollar."""
    return f"{PREFIX}job:{job_id}:spend"


def under_way(job_id: str) -> str:
    """Sorted set of the job's model requests under way, by the time at which each counts as dead."""
    return f"{PREFIX}job:{job_id}:under_way"


def first_model_request(job_id: str) -> str:
    """When the job's agent first asked the model."""
    return f"{PREFIX}job:{job_id}:first_model_request"


def token(digest: str) -> str:
    """`job:attempt` of a job token, by the token's SHA-256."""
    return f"{PREFIX}token:{digest}"


def trigger(key: str) -> str:
    """The job that a trigger made, so that the same trigger never makes a second one."""
    return f"{PREFIX}trigger:{key}"


def edited(forge: str, repo: str, number: int) -> str:
    """Hash: when a thread's text was last edited (`at`), and who did that last who isn't its author (`by`, `login`)."""
    return f"{PREFIX}edited:{forge}:{repo}:{number}"


def pushed(forge: str, repo: str, branch: str) -> str:
    """Hash: a tip of a branch → the tip that we replaced it with."""
    return f"{PREFIX}pushed:{forge}:{repo}:{branch}"


def delivery(delivery_id: str) -> str:
    """A delivery waiting to be handled: endpoint, event name, body."""
    return f"{PREFIX}delivery:{delivery_id}"


def hook(endpoint: str, repo: str | None) -> str:
    """Hash: the last verified delivery of an endpoint's own webhook, or of one repository's."""
    return f"{PREFIX}hook:{endpoint}:{(repo or '').lower()}"


def seen(kind: str, key: str) -> str:
    """A delivery id or a body that has been accepted before."""
    return f"{PREFIX}seen:{kind}:{key}"


def retry(delivery_id: str) -> str:
    """Set while a delivery that couldn't be handled isn't tried again."""
    return f"{PREFIX}retry:{delivery_id}"


def lock(name: str) -> str:
    return f"{PREFIX}lock:{name}"


def waiting(task: str, argument: str) -> str:
    """Set while a task that was asked for with `enqueue_once` waits in the queue."""
    return f"{PREFIX}waiting:{task}:{argument}"


def crashes(argument: str) -> str:
    """How often a task died of a mistake of ours, by its argument."""
    return f"{PREFIX}crashes:{argument}"
