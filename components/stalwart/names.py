"""The names of the server's Kubernetes objects. Nothing in them is random, so a second run finds what the first one made."""

APPLICATION = "stalwart"
SERVER = "server"  # the value of app.kubernetes.io/component
PLAN = "plan"  # likewise, of the Job
CONTAINER = "stalwart"

MAIL_SERVICE = "stalwart"
INTERNAL_SERVICE = "stalwart-internal"
VOLUME_CLAIM = "stalwart-data"
DKIM_SECRET = "stalwart-dkim"
TLS_SECRET = "stalwart-tls"
CREDENTIALS_SECRET = "stalwart-credentials"
ADMIN_PASSWORD_KEY = "admin-password"
METRICS_PASSWORD_KEY = "metrics-password"

PLAN_ANNOTATION = "stalwart-mail/plan"
MARK_NAMESPACE = "stalwart-mail-plan"  # of lookup keys in the server, not of Kubernetes
DATABASE_PORT = 5432  # of PostgreSQL
DATABASE = "stalwart-database"  # the CloudNativePG cluster; it names its Services and Secrets after itself
DATABASE_NAME = "stalwart"
DATABASE_SOURCE = "stalwart-database-source"  # of the archive it is restored from; the one it writes is called as itself
DATABASE_REGIONS = "stalwart-database-regions"
FOLLOW_UP = "follow-up"  # components of Jobs, as PLAN
RECIPIENTS = "recipients"
READER_SECRET = "stalwart-recipient-reader"
READER_PASSWORD_KEY = "password"
EXPORTER = "exporter"  # a component, as PLAN: what reads the queue for Prometheus
EXPORTER_SECRET = "stalwart-exporter"
EXPORTER_PASSWORD_KEY = "password"
BLOBS_ACCESS_KEY_ID = "access-key-id"
BLOBS_SECRET_ACCESS_KEY = "secret-access-key"
