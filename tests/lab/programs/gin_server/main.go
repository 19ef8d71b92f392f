// A gin server and a plain net/http server with one slow handler each, which say on standard output what each write got.
//
//	GET /slow?ms=M&bytes=N&pieces=P   waits M ms, then writes P pieces of N bytes
package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
)

func number(r *http.Request, name string) int {
	n, _ := strconv.Atoi(r.URL.Query().Get(name))
	return n
}

// outcome names what a call got as errno(3) does, beside the text that the program's users find in their logs.
func outcome(n int, err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return strconv.Itoa(n)
	case errors.As(err, &errno) && errno == syscall.EPIPE:
		return "EPIPE " + err.Error()
	case errors.As(err, &errno) && errno == syscall.ECONNRESET:
		return "ECONNRESET " + err.Error()
	}
	return "OTHER " + err.Error()
}

func slow(w http.ResponseWriter, r *http.Request) {
	time.Sleep(time.Duration(number(r, "ms")) * time.Millisecond)
	piece := []byte(strings.Repeat("x", number(r, "bytes")))
	w.Header().Set("Content-Length", strconv.Itoa(len(piece)*number(r, "pieces")))
	for i := 0; i < number(r, "pieces"); i++ {
		n, err := w.Write(piece)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		fmt.Println(r.RemoteAddr, "send", outcome(n, err))
		time.Sleep(20 * time.Millisecond)
		if err != nil {
			panic(err)
		}
	}
}

func main() {
	gin.SetMode(gin.ReleaseMode)
	router := gin.Default()
	router.GET("/slow", func(c *gin.Context) { slow(c.Writer, c.Request) })
	go func() { log.Fatal(http.ListenAndServe(os.Args[1]+":8001", http.HandlerFunc(slow))) }()
	log.Fatal(http.ListenAndServe(os.Args[1]+":8000", router))
}
