"""The doorbell's other end: one Celery task that lets the engine work for a slice."""

from celery import shared_task

from runs import service


@shared_task(name="runs.drain", ignore_result=True)
def drain(**_: object) -> None:
    service.slice_of_work()
