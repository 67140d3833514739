package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Who opens connections and says nothing shuts out nobody; a request that is
// being answered is not broken off.
func TestSilentConnections(t *testing.T) {
	const most = 5
	hold, held := make(chan struct{}), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(held)
			<-hold
		}
		fmt.Fprint(w, "ok")
	}))
	server.Config.ConnState = newCrowd(most).state
	server.Start()
	defer server.Close()
	open := func() net.Conn {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	slow := open()
	fmt.Fprint(slow, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	<-held
	var silent []net.Conn
	for range 3 * most {
		silent = append(silent, open())
	}
	answer, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for _, conn := range silent[:most] {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a silent connection got an answer")
		}
	}
	close(hold)
	if line, err := bufio.NewReader(slow).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Errorf("the slow request: %q, %v", line, err)
	}
}
