import com.teragrep.pth10.ast.DPLAuditInformation;
import com.teragrep.pth10.ast.DPLParserCatalystContext;
import com.teragrep.pth10.ast.DPLParserCatalystVisitor;
import com.teragrep.pth10.ast.bo.TranslationResultNode;
import com.teragrep.pth_03.antlr.DPLLexer;
import com.teragrep.pth_03.antlr.DPLParser;
import com.teragrep.pth_03.shaded.org.antlr.v4.runtime.BaseErrorListener;
import com.teragrep.pth_03.shaded.org.antlr.v4.runtime.CharStreams;
import com.teragrep.pth_03.shaded.org.antlr.v4.runtime.CommonTokenStream;
import com.teragrep.pth_03.shaded.org.antlr.v4.runtime.RecognitionException;
import com.teragrep.pth_03.shaded.org.antlr.v4.runtime.Recognizer;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;
import org.apache.spark.sql.types.StructType;

/**
 * Runs searches on Teragrep's DPL, an engine for SPL on Spark. Of the directory
 * that is named it reads events/*.json, one event to a line, and searches.txt,
 * and writes found.txt: a line for each search, with the numbers of the events
 * that it finds, or an exclamation mark and why it does not run.
 */
public class Engine {
    public static void main(String[] args) throws Exception {
        Path dir = Paths.get(args[0]);
        SparkSession spark = SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.session.timeZone", "UTC")
                .config("spark.driver.host", "localhost")
                .config("spark.driver.bindAddress", "localhost")
                .config("spark.sql.shuffle.partitions", "1")
                .getOrCreate();
        spark.sparkContext().setLogLevel("OFF");
        String events = dir.resolve("events").toString();
        StructType schema = spark.read().json(events).schema();
        try (PrintWriter out = new PrintWriter(dir.resolve("found.txt").toFile(), "UTF-8")) {
            for (String search : Files.readAllLines(dir.resolve("searches.txt"), StandardCharsets.UTF_8)) {
                String line;
                try {
                    line = find(spark, schema, events, search);
                } catch (Exception e) {
                    Throwable cause = e;
                    while (cause.getCause() != null) {
                        cause = cause.getCause();
                    }
                    line = "!" + String.valueOf(cause).split("\n")[0];
                }
                out.println(line);
            }
        }
        spark.stop();
    }

    private static String find(SparkSession spark, StructType schema, String events, String search) throws Exception {
        DPLParserCatalystContext context = new DPLParserCatalystContext(spark);
        context.setEarliest("-10y");
        context.setTestingMode(true);
        context.setDs(spark.readStream().schema(schema).json(events));
        DPLAuditInformation audit = new DPLAuditInformation();
        audit.setQuery(search);
        audit.setReason("test");
        audit.setUser("test");
        audit.setTeragrepAuditPluginClassName("test");
        context.setAuditInformation(audit);

        DPLLexer lexer = new DPLLexer(CharStreams.fromString(search));
        lexer.removeErrorListeners();
        lexer.addErrorListener(new Strict());
        DPLParser parser = new DPLParser(new CommonTokenStream(lexer));
        parser.removeErrorListeners();
        parser.addErrorListener(new Strict());

        List<Long> found = Collections.synchronizedList(new ArrayList<>());
        DPLParserCatalystVisitor visitor = new DPLParserCatalystVisitor(context);
        visitor.setConsumer(rows -> {
            for (Row row : rows.select("id").collectAsList()) {
                found.add(row.getLong(0));
            }
        });
        TranslationResultNode plan = (TranslationResultNode) visitor.visit(parser.root());
        StreamingQuery query = plan.stepList.execute().start();
        query.processAllAvailable();
        context.flush();
        query.stop();

        StringBuilder line = new StringBuilder();
        for (Long id : found) {
            line.append(' ').append(id);
        }
        return line.toString().trim();
    }

    /** Strict makes errors of what the parser would else pass over. */
    private static class Strict extends BaseErrorListener {
        @Override
        public void syntaxError(Recognizer<?, ?> r, Object symbol, int line, int column, String message, RecognitionException e) {
            throw new IllegalStateException("column " + column + ": " + message);
        }
    }
}
