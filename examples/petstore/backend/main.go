// Command backend is the pet shop behind the petstore example: an ordinary
// HTTP server that has never heard of Gatehouse.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// maxBody bounds the body of a new pet; maxPets bounds the shop.
const (
	maxBody = 64 << 10
	maxPets = 1000
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9000", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "backend:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("pet shop on http://%s\n", l.Addr())
	srv := &http.Server{Handler: newShop().routes(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// A pet is something the shop sells.
type pet struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Kind  string  `json:"kind"`
	Price float64 `json:"price"`
}

// A shop is a list of pets, kept in memory.
type shop struct {
	mu   sync.Mutex // guards pets
	pets []pet
}

func newShop() *shop {
	return &shop{pets: []pet{
		{"1", "Rex", "dog", 249.99},
		{"2", "Minka", "cat", 124.99},
		{"3", "Bubbles", "fish", 0.99},
	}}
}

func (s *shop) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pets", s.list)
	mux.HandleFunc("POST /pets", s.add)
	mux.HandleFunc("GET /pets/{id}", s.get)
	mux.HandleFunc("/shop/{path...}", s.echo)
	return mux
}

func (s *shop) list(w http.ResponseWriter, r *http.Request) {
	kind := r.URL.Query().Get("kind")
	found := []pet{}
	s.mu.Lock()
	for _, p := range s.pets {
		if kind == "" || kind == p.Kind {
			found = append(found, p)
		}
	}
	s.mu.Unlock()
	reply(w, http.StatusOK, found)
}

func (s *shop) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pets {
		if p.ID == r.PathValue("id") {
			reply(w, http.StatusOK, p)
			return
		}
	}
	reply(w, http.StatusNotFound, map[string]string{"message": "no such pet"})
}

func (s *shop) add(w http.ResponseWriter, r *http.Request) {
	var p pet
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&p); err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return
	}
	s.mu.Lock()
	full := len(s.pets) >= maxPets
	if !full {
		p.ID = strconv.Itoa(len(s.pets) + 1)
		s.pets = append(s.pets, p)
	}
	s.mu.Unlock()
	if full {
		reply(w, http.StatusInsufficientStorage, map[string]string{"message": "the shop is full"})
		return
	}
	reply(w, http.StatusCreated, p)
}

// echo answers with what arrived, so that one can see what the gateway did.
func (s *shop) echo(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"method": r.Method, "path": r.URL.EscapedPath(), "query": r.URL.Query(), "headers": r.Header,
	})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone; there is nobody to tell
}
