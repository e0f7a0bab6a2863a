package main

import "example.test/translate/internal/app"

func main() {
	app.Run()
}
