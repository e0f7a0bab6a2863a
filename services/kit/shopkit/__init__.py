"""What every Python service of the shop does the same way: log lines, migrations, a pool, a database for tests."""
