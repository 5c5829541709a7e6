import com.jayway.jsonpath.Configuration;
import com.jayway.jsonpath.JsonPath;
import com.jayway.jsonpath.PathNotFoundException;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringWriter;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.minidev.json.JSONArray;
import net.minidev.json.JSONObject;
import net.minidev.json.JSONStyle;
import net.minidev.json.JSONValue;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;
import org.apache.velocity.app.event.EventCartridge;
import org.apache.velocity.app.event.ReferenceInsertionEventHandler;
import org.apache.velocity.exception.ParseErrorException;
import org.apache.velocity.exception.TemplateInitException;
import org.apache.velocity.exception.VelocityException;

/**
 * Answers what Velocity 1.7 and Jayway's JsonPath make of mapping templates.
 *
 * Each line of standard input is {"template": text, "body": text}; each line of
 * standard output is the answer as a JSON string, or {"error": kind} with kind
 * "syntax" or "render". The parameters and variables are those of the golden
 * test in internal/vtl.
 */
public class Oracle {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String line; (line = in.readLine()) != null; ) {
            Map<?, ?> test = (Map<?, ?>) JSONValue.parse(line);
            out.println(answer((String) test.get("template"), (String) test.get("body")));
            out.flush();
        }
    }

    static String answer(String template, String body) {
        VelocityEngine engine = new VelocityEngine();
        engine.setProperty("runtime.log.logsystem.class", "org.apache.velocity.runtime.log.NullLogChute");
        engine.setProperty("directive.foreach.maxloops", "1000");
        engine.setProperty("velocimacro.library", "");
        engine.init();
        StringWriter w = new StringWriter();
        try {
            engine.evaluate(context(body), w, "template", template);
            return JSONValue.toJSONString(w.toString());
        } catch (ParseErrorException | TemplateInitException e) {
            return "{\"error\":\"syntax\"}";
        } catch (VelocityException | UnsupportedOperationException e) {
            return "{\"error\":\"" + (String.valueOf(e.getMessage()).contains("Lexical error") ? "syntax" : "render") + "\"}";
        } catch (RuntimeException | Error e) {
            return "{\"error\":\"render\"}";
        }
    }

    static VelocityContext context(String body) {
        VelocityContext c = new VelocityContext();
        EventCartridge quiet = new EventCartridge();
        quiet.addEventHandler(new Quiet());
        quiet.attachToContext(c);
        c.put("input", new Input(body));
        c.put("util", new Util());
        Map<String, Object> context = new LinkedHashMap<>();
        context.put("requestId", "req-1");
        context.put("stage", "prod");
        Map<String, Object> identity = new LinkedHashMap<>();
        identity.put("sourceIp", "192.0.2.1");
        identity.put("userAgent", "test/1");
        context.put("identity", identity);
        c.put("context", context);
        Map<String, Object> stage = new LinkedHashMap<>();
        stage.put("color", "blue");
        stage.put("size", "12");
        c.put("stageVariables", stage);
        return c;
    }

    /** AWS prints null references as nothing. */
    public static class Quiet implements ReferenceInsertionEventHandler {
        public Object referenceInsert(String reference, Object value) {
            return value == null ? "" : value;
        }
    }

    public static class Input {
        private final String body;
        private Object root;

        Input(String body) {
            this.body = body.trim().isEmpty() ? "{}" : body;
        }

        public String getBody() {
            return body;
        }

        public Object path(String path) {
            if (root == null) {
                String text = body.trim();
                boolean json = text.startsWith("{") || text.startsWith("[") || text.startsWith("\"");
                root = json ? Configuration.defaultConfiguration().jsonProvider().parse(text) : body;
            }
            if (path.equals("$")) {
                return root;
            }
            JsonPath compiled = JsonPath.compile(path);
            if (!(root instanceof Map) && !(root instanceof List)) {
                return null;
            }
            try {
                return compiled.read(root, Configuration.defaultConfiguration());
            } catch (PathNotFoundException e) {
                return null;
            }
        }

        public String json(String path) {
            Object v = path(path);
            if (v == null) {
                return "\"\"";
            }
            if (v instanceof Map) {
                @SuppressWarnings("unchecked")
                Map<String, ?> map = (Map<String, ?>) v;
                return JSONObject.toJSONString(map, JSONStyle.LT_COMPRESS);
            }
            if (v instanceof List) {
                return JSONArray.toJSONString((List<?>) v, JSONStyle.LT_COMPRESS);
            }
            return JSONValue.toJSONString(v, JSONStyle.LT_COMPRESS);
        }

        public Map<String, Map<String, String>> params() {
            Map<String, Map<String, String>> all = new LinkedHashMap<>();
            for (String place : new String[] {"path", "querystring", "header"}) {
                all.put(place, new LinkedHashMap<>());
            }
            all.get("path").put("id", "7");
            all.get("querystring").put("q", "a b");
            all.get("querystring").put("id", "from query");
            all.get("header").put("X-Test", "yes");
            all.get("header").put("Accept", "*/*");
            return all;
        }

        public String params(String name) {
            for (Map<String, String> place : params().values()) {
                if (place.containsKey(name)) {
                    return place.get(name);
                }
            }
            return null;
        }
    }

    public static class Util {
        public String urlEncode(Object s) throws Exception {
            return URLEncoder.encode(s.toString(), "UTF-8");
        }

        public String urlDecode(Object s) throws Exception {
            return URLDecoder.decode(s.toString(), "UTF-8");
        }

        public String base64Encode(Object s) {
            return Base64.getEncoder().encodeToString(s.toString().getBytes(StandardCharsets.UTF_8));
        }

        public String base64Decode(Object s) {
            return new String(Base64.getDecoder().decode(s.toString()), StandardCharsets.UTF_8);
        }

        public Object parseJson(Object s) {
            return Configuration.defaultConfiguration().jsonProvider().parse(s.toString());
        }

        public String escapeJavaScript(Object o) {
            StringBuilder b = new StringBuilder();
            for (char c : o.toString().toCharArray()) {
                switch (c) {
                    case '"': case '\'': case '\\': b.append('\\').append(c); break;
                    case '\n': b.append("\\n"); break;
                    case '\r': b.append("\\r"); break;
                    case '\t': b.append("\\t"); break;
                    case '\b': b.append("\\b"); break;
                    case '\f': b.append("\\f"); break;
                    default:
                        if (c < ' ') b.append(String.format("\\u%04X", (int) c));
                        else b.append(c);
                }
            }
            return b.toString();
        }
    }
}
