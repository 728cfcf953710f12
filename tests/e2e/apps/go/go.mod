module example.org/goapp

go 1.19
