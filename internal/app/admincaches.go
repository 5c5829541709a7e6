package app

import (
	"cmp"
	"net/http"
	"slices"

	"gatehouse/internal/cache"
)

// A cacheFigures is one stage's cache in the answer of /caches.
type cacheFigures struct {
	Stage   string `json:"stage"` // account/region/api/stage
	Cache   string `json:"cache"` // its size, and whether it is the canary's
	Entries int    `json:"entries"`
	Bytes   int64  `json:"bytes"`
	Limit   int64  `json:"limit"`
	Hits    int64  `json:"hits"`
	Misses  int64  `json:"misses"`
}

// showCaches tells what the caches of stages hold, and what they were good
// for since each was made.
func (a *admin) showCaches(w http.ResponseWriter, _ *http.Request) {
	list := []cacheFigures{} // never null
	for key, st := range a.caches() {
		list = append(list, cacheFigures{key.Group, key.Name, st.Entries, st.Bytes, st.Limit, st.Hits, st.Misses})
	}
	slices.SortFunc(list, func(x, y cacheFigures) int {
		return cmp.Or(cmp.Compare(x.Stage, y.Stage), cmp.Compare(x.Cache, y.Cache))
	})
	writeJSON(w, http.StatusOK, map[string]any{"caches": list})
}

// cacheStats is what an admin asks for the figures of caches.
type cacheStats func() map[cache.Key]cache.Stats
