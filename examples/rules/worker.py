"""A Celery worker that knows nothing of events: celery -A worker worker --pool threads"""

import os
import urllib.request

from celery import Celery

app = Celery("worker", broker=os.environ["CELERY_BROKER"])
app.conf.broker_connection_retry_on_startup = True


@app.task
def thank(customer, total):
    text = f"worker: thanks {customer} for {total:.2f}"
    request = urllib.request.Request(os.environ["THANKED_URL"], data=text.encode(), method="POST")
    urllib.request.urlopen(request, timeout=10).close()
