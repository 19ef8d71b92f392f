// A net/http client with a time-out: go_client URL TIMEOUT COUNT PAUSE. Says on standard output what each request got.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
	timeout, _ := time.ParseDuration(os.Args[2])
	count, _ := strconv.Atoi(os.Args[3])
	pause, _ := time.ParseDuration(os.Args[4])
	client := http.Client{Timeout: timeout}
	for i := 0; i < count; i++ {
		response, err := client.Get(os.Args[1])
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		fmt.Println("request", i+1, err)
		time.Sleep(pause)
	}
}
