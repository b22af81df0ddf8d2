import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import jakarta.jms.BytesMessage;
import jakarta.jms.Connection;
import jakarta.jms.ConnectionFactory;
import jakarta.jms.Destination;
import jakarta.jms.JMSException;
import jakarta.jms.MapMessage;
import jakarta.jms.Message;
import jakarta.jms.ObjectMessage;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.activemq.artemis.jms.client.ActiveMQConnectionFactory;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * A JMS program, by the client of Qpid over AMQP and by that of Artemis over the broker's own protocol. Arguments: the addresses of the two, user
 * and password. Commands come as lines of JSON, and answers and what was received leave so.
 */
public final class JmsPeer {
    // The client of Qpid has number types of its own.
    private static final JsonSerializer<Number> NUMBERS = (number, type, context) -> new JsonPrimitive(number.longValue());
    private static final Gson GSON = new GsonBuilder().registerTypeHierarchyAdapter(Number.class, NUMBERS).create();
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final Connection connection;
    private final Session sending;

    private JmsPeer(ConnectionFactory factory) throws JMSException {
        connection = factory.createConnection();
        sending = connection.createSession();
        connection.start();
    }

    public static void main(String[] args) throws IOException, JMSException {
        try (ActiveMQConnectionFactory core = new ActiveMQConnectionFactory(args[1], args[2], args[3])) {
            run(Map.of("qpid", new JmsPeer(new JmsConnectionFactory(args[2], args[3], args[0])), "core", new JmsPeer(core)));
        }
    }

    private static void run(Map<String, JmsPeer> peers) throws IOException, JMSException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonObject command = GSON.fromJson(line, JsonObject.class);
            JsonObject answer = new JsonObject();
            answer.add("id", command.get("id"));
            try {
                peers.get(command.get("client").getAsString()).perform(command);
            } catch (JMSException | RuntimeException error) {
                answer.addProperty("error", error.toString());
            }
            OUT.println(answer);
        }
        for (JmsPeer peer : peers.values()) peer.connection.close();
    }

    private void perform(JsonObject command) throws JMSException {
        if (command.get("do").getAsString().equals("listen")) listen(command);
        else send(command);
    }

    private void listen(JsonObject command) throws JMSException {
        String address = command.get("address").getAsString();
        // A session each, so that no listener waits for another.
        Session session = connection.createSession();
        Destination place = command.get("archive").getAsBoolean() ? session.createQueue(address) : session.createTopic(address);
        session.createConsumer(place).setMessageListener(message -> received(command, message));
    }

    private void send(JsonObject command) throws JMSException {
        String body = command.get("body").getAsString();
        Message message = switch (command.get("kind").getAsString()) {
            case "text" -> sending.createTextMessage(body);
            case "bytes" -> bytes(body);
            default -> map(body);
        };
        for (Map.Entry<String, JsonElement> header : command.getAsJsonObject("headers").entrySet()) {
            message.setStringProperty(header.getKey(), header.getValue().getAsString());
        }
        sending.createProducer(sending.createTopic(command.get("address").getAsString())).send(message);
    }

    private Message bytes(String body) throws JMSException {
        BytesMessage message = sending.createBytesMessage();
        message.writeBytes(body.getBytes(StandardCharsets.UTF_8));
        return message;
    }

    private Message map(String body) throws JMSException {
        MapMessage message = sending.createMapMessage();
        for (Map.Entry<String, JsonElement> field : GSON.fromJson(body, JsonObject.class).entrySet()) {
            boolean isNumber = field.getValue().getAsJsonPrimitive().isNumber();
            if (isNumber) message.setInt(field.getKey(), field.getValue().getAsInt());
            else message.setString(field.getKey(), field.getValue().getAsString());
        }
        return message;
    }

    private static void received(JsonObject command, Message message) {
        Map<String, Object> fact = new LinkedHashMap<>();
        fact.put("listening", command.get("id"));
        try {
            fact.put("kind", kindOf(message).getSimpleName());
            fact.put("body", bodyOf(message));
            Map<String, String> headers = new LinkedHashMap<>();
            for (Object name : Collections.list((Enumeration<?>) message.getPropertyNames())) {
                headers.put((String) name, message.getStringProperty((String) name));
            }
            fact.put("headers", headers);
        } catch (JMSException | RuntimeException error) {
            fact.put("kind", error.toString());
        }
        OUT.println(GSON.toJson(fact));
    }

    private static Class<?> kindOf(Message message) {
        for (Class<?> kind : List.of(TextMessage.class, BytesMessage.class, MapMessage.class, ObjectMessage.class)) {
            if (kind.isInstance(message)) return kind;
        }
        return Message.class;
    }

    private static String bodyOf(Message message) throws JMSException {
        if (message instanceof TextMessage text) return text.getText();
        if (message instanceof BytesMessage bytes) {
            byte[] all = new byte[(int) bytes.getBodyLength()];
            bytes.readBytes(all);
            return new String(all, StandardCharsets.UTF_8);
        }
        if (message instanceof ObjectMessage object) return GSON.toJson(object.getObject());
        if (!(message instanceof MapMessage map)) return "";
        Map<String, Object> fields = new LinkedHashMap<>();
        for (Object name : Collections.list((Enumeration<?>) map.getMapNames())) fields.put((String) name, map.getObject((String) name));
        return GSON.toJson(fields);
    }
}
