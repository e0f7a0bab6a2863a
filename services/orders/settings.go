package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"platform/authkit"
)

// Settings is everything the environment says.
type Settings struct {
	Address     string // HOST:PORT to listen on
	DatabaseURL string
	CatalogURL  string
	Project     string // Pub/Sub project; the official client finds the emulator through PUBSUB_EMULATOR_HOST
	Topic       string
	LogLevel    slog.Level
}

// readSettings names every missing variable at once.
func readSettings() (Settings, error) {
	getenv, err := authkit.SecretFiles(os.Getenv, "DATABASE_URL")
	if err != nil {
		return Settings{}, err
	}
	var missing []string
	required := func(name string) string {
		value := getenv(name)
		if value == "" {
			missing = append(missing, name)
		}
		return value
	}
	host := os.Getenv("HOST")
	if host == "" {
		host = "127.0.0.1"
	}
	settings := Settings{
		Address:     host + ":" + required("PORT"),
		DatabaseURL: required("DATABASE_URL"),
		CatalogURL:  strings.TrimRight(required("CATALOG_URL"), "/"),
		Project:     required("PUBSUB_PROJECT_ID"),
		Topic:       required("ORDERS_TOPIC"),
	}
	if len(missing) > 0 {
		return settings, fmt.Errorf("missing environment variable: %s", strings.Join(missing, ", "))
	}
	if level := os.Getenv("LOG_LEVEL"); level != "" {
		if err := settings.LogLevel.UnmarshalText([]byte(level)); err != nil {
			return settings, fmt.Errorf("LOG_LEVEL: %w", err)
		}
	}
	return settings, nil
}
