"""Installers of packages: what each one is, which of them a service has, and where its packages are kept."""
