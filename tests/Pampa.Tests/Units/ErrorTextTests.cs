using System.Text;
using Pampa.Jobs;

namespace Pampa.Tests.Units;

public sealed class ErrorTextTests
{
    [Fact]
    public void Whatever_text_it_is_given_it_makes_storable_and_short_enough()
    {
        const int seed = 20300101;
        var random = new Random(seed);
        var strict = new UTF8Encoding(false, throwOnInvalidBytes: true);
        for (var round = 0; round < 5_000; round++)
        {
            var text = string.Create(random.Next(300), random, (span, r) =>
            {
                for (var i = 0; i < span.Length; i++)
                    span[i] = r.Next(4) switch { 0 => (char)r.Next(0xD800, 0xE000), 1 => '\0', _ => (char)r.Next(0x10000) };
            });
            var max = random.Next(0, 120);
            var stored = ErrorText.Sanitise(text, max);
            Assert.True(stored.Length <= max, $"seed {seed}, round {round}: {stored.Length} > {max}");
            Assert.DoesNotContain('\0', stored);
            strict.GetByteCount(stored);
        }
    }

    [Fact]
    public void A_text_that_fits_is_not_touched()
    {
        var text = "fits 🦙";
        Assert.Same(text, ErrorText.Sanitise("fits", 4).Length == 4 ? text : "");
        Assert.Equal(text, ErrorText.Sanitise(text, text.Length));
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(3, "012")]
    [InlineData(12, "012345678901")]
    [InlineData(16, "012345678 … 3456")]
    public void A_long_text_loses_its_middle(int max, string expected)
    {
        var text = string.Concat(Enumerable.Range(0, 10).Select(_ => "0123456789"))[..97];
        Assert.Equal(expected, ErrorText.Sanitise(text, max));
    }

    [Fact]
    public void A_negative_length_is_a_mistake_of_the_caller() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => ErrorText.Sanitise("x", -1));

    [Fact]
    public void The_text_of_an_exception_names_its_causes()
    {
        var error = new InvalidOperationException("outer", new FormatException("inner"));
        Assert.Equal("InvalidOperationException: outer ---> FormatException: inner", ErrorText.Of(error));
    }

    [Fact]
    public void A_long_chain_of_causes_ends()
    {
        Exception error = new FormatException("end");
        for (var i = 0; i < 50_000; i++) error = new InvalidOperationException(new string('x', 100), error);
        Assert.InRange(ErrorText.Of(error).Length, Limits.ErrorText, Limits.ErrorText * 3);
    }

    [System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1064:Exceptions should be public", Justification = "Nobody but these tests meets it.")]
    private sealed class Mute(bool hasMessage) : Exception
    {
        public override string Message => hasMessage ? "what it was" : throw new InvalidOperationException("nothing to say");

        public override string ToString() => throw new NotSupportedException("nor this");
    }

    [Fact]
    public void An_exception_that_throws_when_it_is_asked_for_its_text_is_told_of_all_the_same()
    {
        Assert.Equal("Mute: (InvalidOperationException while its message was asked for)", ErrorText.Of(new Mute(false)));
        Assert.Equal("FormatException: outer ---> Mute: what it was", ErrorText.Of(new FormatException("outer", new Mute(true))));
        Assert.Equal("Mute: what it was (NotSupportedException while its text was asked for)", ErrorText.Whole(new Mute(true)));
        Assert.StartsWith("System.FormatException: outer", ErrorText.Whole(new FormatException("outer")), StringComparison.Ordinal);
    }

    [Fact]
    public void What_to_do_about_an_error_stands_behind_it()
    {
        var error = new InvalidOperationException("It may not.");
        Assert.Equal("It may not.", ErrorText.WithRemedy(error));
        error.Data[ErrorText.Remedy] = "Let it";
        Assert.Equal("It may not. Let it", ErrorText.WithRemedy(error));
    }
}
