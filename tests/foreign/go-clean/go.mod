module example.test/translate

go 1.24.0

toolchain go1.24.2
