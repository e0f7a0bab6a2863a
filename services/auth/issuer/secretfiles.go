package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"
)

const largestSecret = 64 << 10 // bytes; a larger file is not a secret

// secretFiles gives an environment in which a secret NAME may be in the file that NAME_FILE names, as in a container:
// variables are shown to who asks for it. Errors have no value in them.
func secretFiles(getenv func(string) string, names ...string) (func(string) string, error) {
	found := map[string]string{}
	for _, name := range names {
		path := getenv(name + "_FILE")
		if path == "" {
			continue
		}
		value, err := readSecret(path)
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %s %w", name, path, err)
		}
		if plain := getenv(name); plain != "" && plain != value {
			return nil, fmt.Errorf("%s and %s_FILE are both set, and differ (unset one of them)", name, name)
		}
		found[name] = value
	}
	return func(name string) string {
		if value := found[name]; value != "" {
			return value
		}
		return getenv(name)
	}, nil
}

// readSecret gives the content without the line break at its end.
func readSecret(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", unreadable(err)
	}
	defer file.Close()
	if about, err := file.Stat(); err != nil || !about.Mode().IsRegular() {
		return "", errors.New("is not a file")
	}
	content, err := io.ReadAll(io.LimitReader(file, largestSecret+1))
	switch value := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"); {
	case err != nil:
		return "", unreadable(err)
	case len(content) > largestSecret:
		return "", fmt.Errorf("is larger than %d bytes", largestSecret)
	case !utf8.ValidString(value):
		return "", errors.New("is not UTF-8 text")
	case value == "":
		return "", errors.New("is empty")
	default:
		return value, nil
	}
}

func unreadable(err error) error {
	var problem *os.PathError
	if errors.As(err, &problem) {
		err = problem.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}
