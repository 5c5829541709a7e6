package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/internal/journal"
	"gatehouse/internal/service/logs"
)

// openGroups makes CloudWatch Logs.
func (n *node) openGroups() *logs.Service {
	return logs.New(n.st, logs.Options{
		Dir: filepath.Join(n.cfg.Data, "logs"), Journal: journal.Options{MaxBytes: int64(n.cfg.LogsSize)}, Log: n.log,
		Metrics: filterMetrics{n.rollups},
	})
}

// sendLogs tells what became of log events and of lines of access logs.
func (n *node) sendLogs(to chan<- prometheus.Metric) {
	written, dropped := n.logs.counts()
	logLines.send(to, float64(written))
	logDropped.send(to, float64(dropped))
	st := n.groups.Stats()
	events.send(to, float64(st.Entries))
	eventsDropped.send(to, float64(st.Dropped))
	eventsHomeless.send(to, float64(st.Homeless))
	blocksDamaged.send(to, float64(st.Damaged))
	logsBytes.send(to, float64(st.Bytes))
}

// leastLogs is the least room for log groups: some blocks of each.
const leastLogs = 1 << 20

// checkLogs reports settings of logs that cannot work.
func (c *Config) checkLogs() error {
	var errs []error
	if c.LogsSize < leastLogs {
		errs = append(errs, errors.New("logs-size: write at least 1M"))
	}
	for name, url := range c.DeliveryStreams {
		if !isHTTP(url) {
			errs = append(errs, fmt.Errorf("delivery-stream: %s: %q is not a URL: write http://… or https://…", name, url))
		}
	}
	places := strings.Split(c.AccessLog, ",")
	for _, place := range places {
		switch place = strings.TrimSpace(place); {
		case place == "":
			errs = append(errs, errors.New("access-log: is empty: write groups, stdout, a file, a URL or off"))
		case place == logOff && len(places) > 1:
			errs = append(errs, errors.New("access-log: off stands alone"))
		}
	}
	return errors.Join(errs...)
}
