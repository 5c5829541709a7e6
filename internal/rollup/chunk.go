package rollup

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// A chunk is the points of a source in an hour, as they came: each with the
// number of its metric in the source's list and its minute in the hour.
type chunk []byte

func (c chunk) add(metric int, minute int64, p *Point) chunk {
	c = binary.AppendUvarint(c, uint64(metric))
	c = append(c, byte(minute-hourOf(minute)*60))
	return appendPoint(c, p)
}

// An hour is the points of a source in an hour, put together.
type hour map[Metric]*[60]Point

func (h hour) add(m Metric, minute byte, p *Point) {
	of := h[m]
	if of == nil {
		of = new([60]Point)
		h[m] = of
	}
	of[minute%60].Add(p)
}

// addChunk adds what a chunk holds, whose metrics are those listed.
func (h hour) addChunk(c chunk, metrics []Metric) error {
	r := reader{b: c}
	for len(r.b) > 0 && r.err == nil {
		metric, minute := r.uvarint(), r.byte()
		p := r.point()
		if r.err == nil && metric < uint64(len(metrics)) {
			h.add(metrics[metric], minute, &p)
		}
	}
	return r.err
}

// appendHour writes the points of a source as they stand in a block: metric by
// metric, in the order of minutes.
func appendHour(b []byte, id string, h hour) []byte {
	b = appendText(b, id)
	metrics := make([]Metric, 0, len(h))
	for m := range h {
		metrics = append(metrics, m)
	}
	slices.SortFunc(metrics, func(x, y Metric) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Unit, y.Unit)) })
	for _, m := range metrics {
		of := h[m]
		n := 0
		for i := range of {
			if of[i].Count != 0 {
				n++
			}
		}
		b = append(appendText(appendText(b, m.Name), m.Unit), byte(n))
		for i := range of {
			if of[i].Count != 0 {
				b = appendPoint(append(b, byte(i)), &of[i])
			}
		}
	}
	return b
}

// readHour reads what appendHour wrote, and calls each for every point.
func readHour(b []byte, each func(m Metric, minute byte, p *Point)) (id string, err error) {
	r := reader{b: b}
	id = r.text()
	for len(r.b) > 0 && r.err == nil {
		m := Metric{r.text(), r.text()}
		for range r.byte() {
			minute := r.byte()
			p := r.point()
			if r.err != nil {
				return id, r.err
			}
			each(m, minute, &p)
		}
	}
	return id, r.err
}
