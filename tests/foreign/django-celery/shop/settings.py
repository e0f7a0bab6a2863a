import os

SECRET_KEY = os.environ["SECRET_KEY"]
DATABASE_URL = os.environ["DATABASE_URL"]
CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
CELERY_BEAT_SCHEDULE = {"tidy": {"task": "shop.tasks.tidy", "schedule": 60}}
