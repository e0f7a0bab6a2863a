package main

func main() { println("migrated") }
